import Synchronization
import Tunnel

/// The local service as a command: runs it, and an intercept beside it, until both are over.
public final class LocalCommand: Sendable {
    /// What may happen while it runs.
    private enum Happening: Sendable {
        case signal(Int32)
        case ended(CommandEnd)
        case intercept((any Error)?)
        case grace
    }

    private let words: [String]
    private let environment: [String: String]
    private let sharesTerminal: Bool
    private let grace: Duration
    private let patience: Duration
    private let clock: any Clock<Duration>
    private let events: @Sendable (InterceptEvent) -> Void
    private let happenings: AsyncStream<Happening>
    private let happened: AsyncStream<Happening>.Continuation
    private let started = Mutex<(process: CommandProcess?, end: CommandEnd?)>((nil, nil))
    /// Variables that come to be known before the command is started.
    private let added = Mutex<[String: String]>([:])

    /// A command that was not started yet.
    ///
    /// - Parameters:
    ///   - words: the program and its arguments; at least one.
    ///   - environment: all its variables.
    ///   - sharesTerminal: whether this program is in the foreground of a terminal; the command then stays in its process
    ///     group, so that the terminal's keys reach both, and otherwise gets a group of its own.
    ///   - grace: how long it may take to end after it was told to.
    ///   - patience: after how long of not listening a hint is given.
    ///   - events: told what happens, from any thread.
    public init(
        words: [String],
        environment: [String: String],
        sharesTerminal: Bool,
        grace: Duration = .seconds(10),
        patience: Duration = .seconds(10),
        clock: any Clock<Duration> = ContinuousClock(),
        events: @escaping @Sendable (InterceptEvent) -> Void
    ) {
        self.words = words
        self.environment = environment
        self.sharesTerminal = sharesTerminal
        self.grace = grace
        self.patience = patience
        self.clock = clock
        self.events = events
        (self.happenings, self.happened) = AsyncStream.makeStream()
    }

    private var name: String { self.words.first ?? "" }

    /// Variables for the command, beside its environment; they win. To be called before it is started.
    public func add(_ variables: [String: String]) {
        self.added.withLock { $0.merge(variables) { $1 } }
    }

    // MARK: - The start

    /// Starts the command, once, and returns when every port accepts connections on this machine.
    ///
    /// - Throws: ``InterceptError`` with code `commandFailed` when it cannot be started, ends before it listens, or when
    ///   somebody else listens on a port already.
    public func listen(on ports: [Int]) async throws {
        guard self.started.withLock({ $0.process == nil }) else { return }
        for port in ports where await LocalPort.isOpen(port) {
            throw InterceptError(
                .commandFailed,
                "port \(port) of this machine is taken by another process already: end that, or leave out '-- \(self.name)' "
                    + "to intercept for it"
            )
        }
        try Task.checkCancellation()
        let process = try await CommandProcess.start(
            self.words,
            environment: self.environment.merging(self.added.withLock { $0 }) { $1 },
            ownsGroup: !self.sharesTerminal
        ) { end in
            self.started.withLock { $0.end = end }
            self.happened.yield(.ended(end))
        }
        self.started.withLock { $0.process = process }
        // The word to end may have come before there was anybody to tell.
        if Task.isCancelled { process.signal(CommandSupervision.Number.terminate) }
        for port in ports { try await self.wait(for: port, process) }
    }

    private func wait(for port: Int, _ process: CommandProcess) async throws {
        self.events(.step("waiting for '\(self.name)' (process \(process.pid)) to listen on port \(port)"))
        var backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(250))
        var waited = Duration.zero
        var isHinted = false
        while await !LocalPort.isOpen(port) {
            try self.mustRun(port)
            let pause = backoff.next()
            do {
                try await self.clock.sleep(for: pause)
            } catch {
                // Its end is what ends the wait, too: then that is what there is to say.
                try self.mustRun(port)
                throw error
            }
            waited += pause
            if !isHinted, waited >= self.patience {
                isHinted = true
                self.events(
                    .warning(
                        "'\(self.name)' does not listen on port \(port) yet; if it uses another one, say so with "
                            + "-p REMOTE:LOCAL"
                    )
                )
            }
        }
    }

    private func mustRun(_ port: Int) throws {
        guard let end = self.started.withLock({ $0.end }) else { return }
        throw InterceptError(.commandFailed, "'\(self.name)' \(end) before it listened on port \(port)")
    }

    // MARK: - The run

    /// How a run ended.
    public struct Outcome: Sendable {
        /// The exit status that says it: the command's own where its end was the end of all.
        public var status: Int32
        /// What the intercept failed with.
        public var failure: (any Error)?
    }

    /// Runs an intercept beside the command, and returns when both are over.
    ///
    /// - Parameters:
    ///   - signals: calls its argument with the number of each signal that asks this program to end, until cancelled.
    ///   - intercept: intercepts until the closure it is given returns, and puts everything back.
    public func run(
        signals: @escaping @Sendable (_ each: @Sendable (Int32) -> Void) async -> Void,
        _ intercept: @escaping @Sendable (_ until: @escaping @Sendable () async -> Void) async throws -> Void
    ) async -> Outcome {
        let (leaving, leave) = AsyncStream<Void>.makeStream()
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await signals { self.happened.yield(.signal($0)) }
            }
            group.addTask {
                do {
                    try await intercept { for await _ in leaving {} }
                    self.happened.yield(.intercept(nil))
                } catch {
                    self.happened.yield(.intercept(error))
                }
            }
            defer { group.cancelAll() }
            var supervision = CommandSupervision(sharesTerminal: self.sharesTerminal)
            var outcome = Outcome(status: 0, failure: nil)
            var isOver = false
            var hasEnded = false
            for await happening in self.happenings {
                let actions: [CommandSupervision.Action]
                switch happening {
                case .signal(let number):
                    // Where the command was never started there is nothing else to tell the end by.
                    if outcome.status == 0 { outcome.status = 128 + number }
                    actions = supervision.signalled(number)
                case .ended(let end):
                    hasEnded = true
                    self.events(.step("'\(self.name)' \(end)"))
                    if !isOver || outcome.status != 0 { outcome.status = end.code }
                    actions = supervision.commandEnded()
                case .grace: actions = supervision.graceOver()
                case .intercept(let error):
                    isOver = true
                    outcome.failure = error
                    actions = supervision.interceptEnded()
                }
                for action in actions {
                    switch action {
                    case .leave: leave.finish()
                    case .signal(let number): self.signal(number)
                    case .startGrace:
                        group.addTask {
                            try? await self.clock.sleep(for: self.grace)
                            self.happened.yield(.grace)
                        }
                    }
                }
                if isOver, hasEnded || !self.wasStarted { break }
            }
            if outcome.failure != nil, outcome.status == 0 { outcome.status = 1 }
            return outcome
        }
    }

    private var wasStarted: Bool { self.started.withLock { $0.process != nil } }

    private func signal(_ number: Int32) {
        guard let process = self.started.withLock({ $0.process }) else { return }
        if number == CommandSupervision.Number.kill {
            self.events(.warning("'\(self.name)' (process \(process.pid)) does not end; killing it"))
        }
        process.signal(number)
    }
}
