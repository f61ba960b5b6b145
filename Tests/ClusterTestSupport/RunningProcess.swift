import Foundation
import Synchronization

/// A child process that goes on while a test does other things; its output is kept.
///
/// Made by posix_spawn(3) and reaped by waitpid(2) on a thread of its own: Foundation's `Process` loses ends under load.
public final class RunningProcess: Sendable {
    private struct Kept: Sendable {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    private let kept = Mutex(Kept())
    /// Its process ID.
    public let pid: Int32
    /// When it was started.
    public let startedAt: ContinuousClock.Instant

    /// Starts a program of PATH, with these variables beside those of this process.
    public init(_ words: [String], environment: [String: String] = [:]) throws {
        var output: [Int32] = [-1, -1]
        var errors: [Int32] = [-1, -1]
        guard pipe(&output) == 0, pipe(&errors) == 0 else {
            throw ShellFailure(description: "pipe: \(String(cString: strerror(errno)))")
        }
        for descriptor in output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var spawned: pid_t = 0
        self.startedAt = .now
        let code = posix_spawnp(&spawned, words[0], &actions, nil, &arguments, &variables)
        close(output[1])
        close(errors[1])
        guard code == 0 else {
            close(output[0])
            close(errors[0])
            throw ShellFailure(description: "\(words[0]): \(String(cString: strerror(code)))")
        }
        let child = spawned
        self.pid = child
        // Threads of their own: a pipe that nobody reads would stall the child.
        let readers = DispatchGroup()
        self.collect(output[0], readers) { $0.output += $1 }
        self.collect(errors[0], readers) { $0.errors += $1 }
        Thread.detachNewThread { [self] in
            var raw: Int32 = 0
            while waitpid(child, &raw, 0) == -1, errno == EINTR {}
            // A grandchild may hold the pipes open: what it still says is not waited for long.
            _ = readers.wait(timeout: .now() + 1)
            let status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
            let waiters = self.kept.withLock { kept in
                kept.status = status
                defer { kept.waiters = [] }
                return kept.waiters
            }
            waiters.forEach { $0.resume(returning: status) }
        }
    }

    private func collect(
        _ descriptor: Int32,
        _ group: DispatchGroup,
        _ append: @escaping @Sendable (inout Kept, ArraySlice<UInt8>) -> Void
    ) {
        group.enter()
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count == -1, errno == EINTR { continue }
                guard count > 0 else { break }
                self.kept.withLock { append(&$0, buffer[..<count]) }
            }
            close(descriptor)
            group.leave()
        }
    }

    /// What it has written to standard output so far.
    public var output: String { self.kept.withLock { String(decoding: $0.output, as: UTF8.self) } }
    /// What it has written to standard error so far.
    public var errors: String { self.kept.withLock { String(decoding: $0.errors, as: UTF8.self) } }
    /// How it ended; nil while it runs.
    public var status: Int32? { self.kept.withLock { $0.status } }

    /// Sends a signal to this process alone.
    public func signal(_ signal: Int32) {
        if self.status == nil { kill(self.pid, signal) }
    }

    /// Waits for the end; what does not end in time is killed, which its status then says (137).
    public func ended(within limit: Duration = .seconds(180)) async -> Int32 {
        // owner: cancelled in the line below its use.
        let impatience = Task {
            try await Task.sleep(for: limit)
            self.signal(SIGKILL)
        }
        defer { impatience.cancel() }
        return await withCheckedContinuation { continuation in
            let status = self.kept.withLock { kept -> Int32? in
                if let status = kept.status { return status }
                kept.waiters.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Waits until stderr contains a text; fails when the process ends before, or the time is over.
    public func says(_ text: String, within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while !self.errors.contains(text) {
            guard self.status == nil, ContinuousClock.now < deadline else {
                throw ShellFailure(
                    description:
                        "the process did not say '\(text)' (status \(self.status.map(String.init) ?? "running")); "
                        + "it said:\n\(self.errors)\n\(self.output)"
                )
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
