import KubernetesModel
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Keeps what a credential plugin gave for as long as it holds, and runs the plugin when it is time.
///
/// However many requests wait, one run of the plugin serves them all: plugins open browsers and ask for codes.
actor PluginCredentials {
    private let plugin: ExecPlugin
    private let now: @Sendable () -> Date
    private let run: @Sendable (ExecPlugin) async throws -> ExecAnswer
    private var issued: (answer: ExecAnswer, at: Date)?
    private var running: Run?

    init(
        _ plugin: ExecPlugin,
        now: @escaping @Sendable () -> Date = { Date() },
        run: @escaping @Sendable (ExecPlugin) async throws -> ExecAnswer
    ) {
        self.plugin = plugin
        self.now = now
        self.run = run
    }

    /// The credential for the next request.
    func current() async throws -> Credential {
        if let issued = self.issued, self.now() < Self.renewal(issued) { return issued.answer.credential }
        do {
            return try await self.renewed()
        } catch let error as KubernetesError {
            // Renewed ahead of time, so that a plugin that fails for a moment fails nobody.
            guard let issued = self.issued, let expiry = issued.answer.expiry, self.now() < expiry else { throw error }
            return issued.answer.credential
        }
    }

    /// The server refused a credential: the next one comes from a new run, unless there is another already.
    func refused(_ credential: Credential) {
        if self.issued?.answer.credential == credential { self.issued = nil }
    }

    /// When to ask again: half a minute before the end, or after nine tenths of a short life.
    private static func renewal(_ issued: (answer: ExecAnswer, at: Date)) -> Date {
        guard let expiry = issued.answer.expiry else { return .distantFuture }
        let life = max(0, expiry.timeIntervalSince(issued.at))
        return expiry.addingTimeInterval(-min(30, life / 10))
    }

    private func renewed() async throws -> Credential {
        let run: Run
        if let running = self.running, running.join() {
            run = running
        } else {
            // owner: those who wait for it; it is cancelled with the last of them and has a deadline of its own
            run = Run(Task { [plugin, run = self.run] in try await run(plugin) })
            self.running = run
        }
        defer { if self.running === run { self.running = nil } }
        let answer = try await withTaskCancellationHandler {
            try await run.task.value
        } onCancel: {
            run.leave()
        }
        if self.running === run { self.issued = (answer, self.now()) }
        return answer.credential
    }

    /// One run of the plugin, and how many wait for it.
    private final class Run: Sendable {
        let task: Task<ExecAnswer, any Error>
        private let waiting = Mutex(1)

        init(_ task: Task<ExecAnswer, any Error>) { self.task = task }

        /// Waits too; false when all others have given up and the run is ending.
        func join() -> Bool {
            self.waiting.withLock { count in
                guard count > 0 else { return false }
                count += 1
                return true
            }
        }

        func leave() {
            let isLast = self.waiting.withLock { count in
                count -= 1
                return count == 0
            }
            if isLast { self.task.cancel() }
        }
    }
}
