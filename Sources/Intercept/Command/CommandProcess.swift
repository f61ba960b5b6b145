import CSpawn
import Foundation
import Synchronization

/// A program that runs beside this one, with its standard streams; it never outlives it on Linux.
///
/// A thread of its own starts it and waits for its end: Linux ties the program's life to the thread that made it.
final class CommandProcess: Sendable {
    private enum State: Sendable {
        case running
        case ended(CommandEnd)
    }

    /// The process's number.
    let pid: Int32
    /// Whether it leads a process group of its own, which then is signalled as a whole.
    let ownsGroup: Bool
    private let state = Mutex(State.running)
    /// Whom it started, as far as they were told something with it.
    private let told = Mutex<Set<Descendant>>([])

    private init(pid: Int32, ownsGroup: Bool) {
        self.pid = pid
        self.ownsGroup = ownsGroup
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - words: the program, looked up in `PATH`, and its arguments; at least one.
    ///   - ownsGroup: whether it gets a process group of its own.
    ///   - onEnd: told once, from the thread that waits.
    /// - Throws: ``InterceptError`` with code `commandFailed`.
    static func start(
        _ words: [String],
        environment: [String: String],
        ownsGroup: Bool,
        onEnd: @escaping @Sendable (CommandEnd) -> Void
    ) async throws -> CommandProcess {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let pid = Self.spawn(words, environment, ownsGroup)
                guard pid > 0 else {
                    let reason = String(cString: strerror(-pid))
                    continuation.resume(
                        throwing: InterceptError(
                            .commandFailed,
                            "cannot run '\(words.first ?? "")': \(reason); is it the right name, and in PATH?"
                        )
                    )
                    return
                }
                let process = CommandProcess(pid: pid, ownsGroup: ownsGroup)
                continuation.resume(returning: process)
                onEnd(process.reap())
            }
        }
    }

    private static func spawn(_ words: [String], _ environment: [String: String], _ ownsGroup: Bool) -> Int32 {
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        return detour_spawn(&arguments, &variables, ownsGroup)
    }

    private func reap() -> CommandEnd {
        var info = siginfo_t()
        // Seen first and reaped under the lock: until then its number cannot become another process's.
        while waitid(P_PID, id_t(self.pid), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        return self.state.withLock { state in
            // What it left in its group ends with it.
            if self.ownsGroup { kill(-self.pid, SIGTERM) }
            var raw: Int32 = 0
            while waitpid(self.pid, &raw, 0) == -1, errno == EINTR {}
            let end = CommandEnd(waitStatus: raw)
            state = .ended(end)
            return end
        }
    }

    /// Sends a signal to it, and to what it started in its process group; nothing when it has ended.
    ///
    /// A group of its own is signalled as a whole. A group that it shares has others in it, this program to begin with:
    /// there only those are signalled whom it started, or they would outlive it.
    func signal(_ number: Int32) {
        self.state.withLock { state in
            guard case .running = state else { return }
            guard !self.ownsGroup else {
                kill(-self.pid, number)
                return
            }
            let tree = ProcessTree.now
            let others = self.told.withLock { told in
                // Who was told before may have lost its parent since.
                told = told.filter(tree.contains).union(tree.descendants(of: self.pid))
                return told
            }
            kill(self.pid, number)
            for other in others { kill(other.pid, number) }
        }
    }
}
