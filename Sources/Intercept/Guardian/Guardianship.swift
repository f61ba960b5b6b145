import InterceptPlanning
public import KubernetesClient
import SessionControl
import Tunnel

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a guardian does: waits for the end of its command, and then leaves in that one's place.
public struct Guardianship: Sendable {
    private let order: GuardianOrder
    private let store: SessionStore
    private let clock: any Clock<Duration>

    /// The guardianship over what a dead command has left.
    ///
    /// - Parameters:
    ///   - order: what is to be put back.
    ///   - client: the cluster, as the command knew it.
    public init(_ order: GuardianOrder, client: KubernetesClient, clock: any Clock<Duration> = ContinuousClock()) {
        self.order = order
        self.store = SessionStore(client: client, names: order.session.names)
        self.clock = clock
    }

    /// Hears what the command has to say, until it says that all is done or is no more. Blocks the thread: there is nothing
    /// else to do.
    ///
    /// - Parameter descriptor: where it says it.
    /// - Returns: what is to be put back; nil for nothing.
    public static func awaitedOrder(on descriptor: Int32) -> GuardianOrder? {
        var briefing = GuardianBriefing()
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while !briefing.isDone {
            let count = read(descriptor, &buffer, buffer.count)
            if count == -1, errno == EINTR { continue }
            guard count > 0 else { break }
            briefing.take(buffer[..<count])
        }
        return briefing.order
    }

    /// Ends the route as the command itself would have, and looks again for what arrives at the server after that.
    public func run() async {
        let leaving = Leaving(store: self.store)
        var looks = GuardianLooks()
        while true {
            var hasLooked = true
            do {
                try await leaving.attempt(
                    routeID: self.order.routeID,
                    self.order.session,
                    reason: "the command of \(self.order.owner) died"
                )
            } catch {
                hasLooked = false
            }
            guard let pause = looks.next(hasLooked: hasLooked) else { return }
            do { try await self.clock.sleep(for: pause) } catch { return }
        }
    }
}

/// When a guardian looks again, as a value.
///
/// What a command had under way when it died may arrive later: so there is a look at once and 1, 3, 10 and 30 s after that. A
/// look that fails, because the API server is away for instance, is made again, up to 15 s later each time.
struct GuardianLooks: Sendable {
    /// How often in a row a look may fail: with these pauses that is ten minutes, and more where the server is slow to refuse.
    static let patience = 60

    private var pauses: ArraySlice<Duration> = [.seconds(1), .seconds(2), .seconds(7), .seconds(20)]
    private var backoff = Backoff(initial: .seconds(1), maximum: .seconds(15))

    /// How long to wait for the next look; nil when there is to be none.
    ///
    /// - Parameter hasLooked: whether the last one was to an end.
    mutating func next(hasLooked: Bool) -> Duration? {
        guard hasLooked else { return self.backoff.attempts < Self.patience ? self.backoff.next() : nil }
        self.backoff.reset()
        return self.pauses.popFirst()
    }
}
