import Foundation
import Synchronization

/// A child process that goes on while a test does other things; its output is kept.
final class RunningProcess: Sendable {
    private struct Kept: Sendable {
        var output = Data()
        var errors = Data()
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    private let kept = Mutex(Kept())
    let pid: Int32

    init(_ words: [String], environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        self.pid = process.processIdentifier
        // Threads of their own: a pipe that nobody reads would stall the child.
        let readers = DispatchGroup()
        self.collect(output.fileHandleForReading, readers) { $0.output.append($1) }
        self.collect(errors.fileHandleForReading, readers) { $0.errors.append($1) }
        let box = UncheckedBox(process)
        Thread.detachNewThread { [self] in
            box.value.waitUntilExit()
            readers.wait()
            let status =
                box.value.terminationReason == .exit
                ? box.value.terminationStatus : 128 + box.value.terminationStatus
            let waiters = self.kept.withLock { kept in
                kept.status = status
                defer { kept.waiters = [] }
                return kept.waiters
            }
            waiters.forEach { $0.resume(returning: status) }
        }
    }

    private func collect(
        _ handle: FileHandle,
        _ group: DispatchGroup,
        _ append: @escaping @Sendable (inout Kept, Data) -> Void
    ) {
        let box = UncheckedBox(handle)
        group.enter()
        Thread.detachNewThread { [self] in
            while case let data = box.value.availableData, !data.isEmpty {
                self.kept.withLock { append(&$0, data) }
            }
            group.leave()
        }
    }

    var output: String { self.kept.withLock { String(decoding: $0.output, as: UTF8.self) } }
    var errors: String { self.kept.withLock { String(decoding: $0.errors, as: UTF8.self) } }
    var status: Int32? { self.kept.withLock { $0.status } }

    /// Sends a signal to this process alone.
    func signal(_ signal: Int32) {
        if self.status == nil { kill(self.pid, signal) }
    }

    /// Waits for the end.
    func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = self.kept.withLock { kept -> Int32? in
                if let status = kept.status { return status }
                kept.waiters.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Waits until stderr contains a text; fails when the process ends before, or the time is over.
    func says(_ text: String, within limit: Duration = .seconds(60)) async throws {
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

/// Hands a value to exactly one other thread, which from then on is its only user.
private struct UncheckedBox<Value>: @unchecked Sendable {  // Safety: the creator does not touch the value again.
    let value: Value
    init(_ value: Value) { self.value = value }
}
