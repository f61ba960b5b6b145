import UnixSignals

/// The signals that end a command in good order.
enum Signals {
    /// Returns when the process is asked to stop: Ctrl-C, SIGTERM, or its terminal went away.
    static func interruption() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup) { return }
    }
}
