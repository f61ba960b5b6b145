import UnixSignals

/// The signals that end a command in good order.
enum Signals {
    /// Returns when the process is asked to stop: Ctrl-C, SIGTERM, or its terminal went away.
    static func interruption() async {
        for await _ in await Self.sequence() { return }
    }

    /// Returns when a service is asked to stop: Ctrl-C, or SIGTERM.
    static func termination() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }

    /// Calls `body` each time a service is asked to read its settings again, until it is cancelled: SIGHUP.
    static func reloads(_ body: @Sendable () async -> Void) async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { await body() }
    }

    /// Calls `body` with the number of each signal that asks the process to stop, until it is cancelled.
    static func each(_ body: @Sendable (Int32) -> Void) async {
        for await signal in await Self.sequence() { body(signal.rawValue) }
    }

    /// Calls `body` each time the process is asked to open its log files anew, until it is cancelled: SIGUSR1.
    static func reopenings(_ body: @Sendable () async -> Void) async {
        for await _ in await UnixSignalsSequence(trapping: .sigusr1) { await body() }
    }

    private static func sequence() async -> UnixSignalsSequence {
        await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    }
}
