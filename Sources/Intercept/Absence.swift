/// What this machine knows of its own absence: a value that is told what happens, and when.
///
/// A laptop that sleeps sees nothing of it. Afterwards its tunnels look alive for a few seconds more, and its clock, which
/// has to count sleep too, has leapt.
struct Absence: Sendable {
    /// How often ``pulse(isConnected:at:asleep:)`` is to be called.
    static let interval = Duration.seconds(1)
    /// A pulse that is later says that the machine slept, or that this process was stopped.
    private static let leap = Duration.seconds(4)
    /// Who sleeps for so long is given up by the other end of each tunnel: three pings.
    private static let nap = Duration.seconds(3)
    /// How long a tunnel may look alive that is not: its pings, and two pulses.
    private static let doubt = Duration.seconds(5)

    /// When a tunnel was last known to be up.
    private var lastSeen: ContinuousClock.Instant
    private var lastPulse: ContinuousClock.Instant
    /// When it was found to have slept; nil once a tunnel is known to be up again.
    private var wokeAt: ContinuousClock.Instant?
    private var isAway = false
    private var asleep = Duration.zero

    /// Nothing has been missed yet.
    init(at now: ContinuousClock.Instant) {
        self.lastSeen = now
        self.lastPulse = now
    }

    /// A moment passed, in which a tunnel was up or not.
    ///
    /// - Parameter asleep: how long the machine has slept so far, all in all.
    /// - Returns: whether the machine slept for so long that the tunnels from before are dead, although they look alive here.
    mutating func pulse(isConnected: Bool, at now: ContinuousClock.Instant, asleep: Duration) -> Bool {
        if now - self.lastPulse > Self.leap { self.wokeAt = now }
        self.lastPulse = now
        // After a sleep a new tunnel says that somebody is there, or one that outlives what a dead one can.
        if isConnected, let wokeAt = self.wokeAt, now - wokeAt > Self.doubt { self.wokeAt = nil }
        if isConnected, self.wokeAt == nil { self.lastSeen = now }
        defer { self.asleep = asleep }
        guard asleep - self.asleep > Self.nap else { return false }
        self.isAway = true
        return true
    }

    /// There is a new tunnel.
    mutating func connected(at now: ContinuousClock.Instant) {
        self.wokeAt = nil
        self.lastSeen = now
        self.lastPulse = now
    }

    /// A tunnel broke, or could not be dialled because nothing answered.
    mutating func lost() { self.isAway = true }

    /// The API server answered a dial.
    ///
    /// - Returns: whether it had not before: what connections there are may lead nowhere.
    mutating func answered() -> Bool {
        defer { self.isAway = false }
        return self.isAway
    }

    /// Whether the cluster may have given this machine up meanwhile, for it had no tunnel for a ttl.
    func mayBeGivenUp(after ttl: Duration, at now: ContinuousClock.Instant) -> Bool {
        now - self.lastSeen >= max(.seconds(1), ttl - Self.doubt)
    }
}
