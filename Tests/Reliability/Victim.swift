import ClusterTestSupport
import Foundation
import Synchronization

/// The command that is killed, as those see it who do it.
final class Victim: Sendable {
    private struct State: Sendable {
        var process: RunningProcess?
        var struckAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// When it was killed, or when that was first seen where somebody else did it; nil while it was not.
    var struckAt: ContinuousClock.Instant? {
        self.state.withLock { state in
            if state.struckAt == nil, state.process?.status == Self.killed { state.struckAt = .now }
            return state.struckAt
        }
    }

    /// The exit status of a process that was.
    static let killed = 128 + SIGKILL

    /// Starts another; who wants to kill it has to wait for that.
    func begin(_ start: () throws -> RunningProcess) rethrows -> RunningProcess {
        try self.state.withLock { state in
            let process = try start()
            state = State(process: process)
            return process
        }
    }

    /// Kills it, once; not one that has ended by itself, whose guardian may still ask for something.
    func strike() {
        self.state.withLock { state in
            guard state.struckAt == nil, let process = state.process,
                // Its status is known a moment after its end.
                process.status == nil, RunningProcess.runs(process.pid)
            else { return }
            process.signal(SIGKILL)
            state.struckAt = .now
        }
    }
}
