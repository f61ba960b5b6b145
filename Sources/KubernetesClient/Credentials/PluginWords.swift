import Synchronization

/// What a credential plugin without a terminal writes on its standard error, told line by line to whoever waits for it:
/// from when that is known on, or from when a line names an address that the user may have to go to.
final class PluginWords: Sendable {
    /// More than this is no message to a user.
    static let mostLines = 20
    static let longestLine = 1_000

    private struct State {
        var isTelling = false
        var isSaid = false
        /// Lines that were not told yet.
        var lines: [String] = []
        /// The line that has not ended.
        var rest: [UInt8] = []
        var told = 0

        /// What is to be told now.
        mutating func take() -> [String] {
            guard self.isTelling else { return [] }
            let room = max(0, PluginWords.mostLines - self.told)
            let taken = self.lines.enumerated().filter { $0 < room || $1.contains("://") }.map(\.element)
            self.told += taken.count
            self.lines = []
            return taken
        }
    }

    private let plugin: ExecPlugin
    private let notice: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(_ plugin: ExecPlugin, _ notice: @escaping @Sendable (String) -> Void) {
        self.plugin = plugin
        self.notice = notice
    }

    /// Somebody has been waiting for a while.
    func begin() {
        self.tell(
            self.state.withLock { state in
                state.isTelling = true
                // A question may end without a line feed.
                let line = ExecRun.line(state.rest)
                state.rest = []
                if !line.isEmpty { state.lines.append(line) }
                return state.take()
            }
        )
    }

    /// More bytes of its standard error.
    func add(_ bytes: some Sequence<UInt8>) {
        let lines = self.state.withLock { state in
            for byte in bytes {
                if byte != UInt8(ascii: "\n"), state.rest.count < Self.longestLine {
                    state.rest.append(byte)
                    continue
                }
                let line = ExecRun.line(state.rest)
                state.rest = []
                if line.contains("://"), !state.isTelling {
                    state.isTelling = true
                    // What leads up to it, and not the log of a talkative plugin.
                    state.lines = state.lines.suffix(2)
                }
                if state.lines.count == Self.mostLines { state.lines.removeFirst() }
                if !line.isEmpty { state.lines.append(line) }
            }
            return state.take()
        }
        if !lines.isEmpty { self.tell(lines) }
    }

    private func tell(_ lines: [String]) {
        let isFirst = self.state.withLock { state in
            defer { state.isSaid = true }
            return !state.isSaid
        }
        if isFirst { self.notice("waiting for the \(self.plugin)") }
        for line in lines { self.notice("it says: \(line)") }
    }
}
