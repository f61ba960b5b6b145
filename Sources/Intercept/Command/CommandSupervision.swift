/// What becomes of the command and of the intercept it runs with, as a value: what happened goes in, what to do comes out.
///
/// What holds: a signal is delivered to the command once; a second one kills it; the intercept ends as soon as the command
/// has ended or was told to; and a command that does not end is ended.
struct CommandSupervision: Sendable {
    /// What to do, in order.
    enum Action: Sendable, Hashable {
        /// Send this signal to the command.
        case signal(Int32)
        /// End the intercept, and put everything back.
        case leave
        /// Call `graceOver()` after the grace.
        case startGrace
    }

    /// Signals by their numbers, which are the same on every system Detour runs on.
    enum Number {
        static let hangUp: Int32 = 1
        static let interrupt: Int32 = 2
        static let kill: Int32 = 9
        static let terminate: Int32 = 15
    }

    private enum Stage {
        /// The command runs, or is yet to be started.
        case going
        /// It was told to end; `isAsked` when that was said by a signal of this program's own.
        case ending(isAsked: Bool)
        case killed
        case ended
    }

    /// Whether the command is in the terminal's foreground group with this program, and gets the terminal's signals itself.
    let sharesTerminal: Bool
    private var stage = Stage.going
    private var hasLeft = false

    init(sharesTerminal: Bool) {
        self.sharesTerminal = sharesTerminal
    }

    /// This program was asked to end.
    mutating func signalled(_ number: Int32) -> [Action] {
        switch self.stage {
        case .going:
            let isDelivered = self.sharesTerminal && [Number.interrupt, Number.hangUp].contains(number)
            self.stage = .ending(isAsked: !isDelivered)
            return (isDelivered ? [] : [.signal(number)]) + self.leave() + [.startGrace]
        case .ending:
            self.stage = .killed
            return [.signal(Number.kill)]
        case .killed, .ended: return self.leave()
        }
    }

    /// The command ended.
    mutating func commandEnded() -> [Action] {
        self.stage = .ended
        return self.leave()
    }

    /// The intercept ended by itself or failed: what the command was started for is over.
    mutating func interceptEnded() -> [Action] {
        self.hasLeft = true
        guard case .going = self.stage else { return [] }
        self.stage = .ending(isAsked: true)
        return [.signal(Number.terminate), .startGrace]
    }

    /// The command has had its time to end.
    mutating func graceOver() -> [Action] {
        switch self.stage {
        case .ending(isAsked: false):
            // The signal may have gone to this program alone after all.
            self.stage = .ending(isAsked: true)
            return [.signal(Number.terminate), .startGrace]
        case .ending(isAsked: true):
            self.stage = .killed
            return [.signal(Number.kill)]
        case .going, .killed, .ended: return []
        }
    }

    private mutating func leave() -> [Action] {
        guard !self.hasLeft else { return [] }
        self.hasLeft = true
        return [.leave]
    }
}
