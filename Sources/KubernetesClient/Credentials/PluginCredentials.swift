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
    private let instant: @Sendable () -> ContinuousClock.Instant
    private let run: @Sendable (ExecPlugin) async throws -> ExecAnswer
    private var issued: Issued?
    private var running: Run?

    /// What the plugin gave, and how long that holds from then on: the date may be set meanwhile, which ages nothing.
    private struct Issued {
        var credential: Credential
        /// Nil when it holds until it is refused.
        var life: Duration?
        var at: ContinuousClock.Instant

        /// When to ask again: half a minute before the end, or after nine tenths of a short life.
        var renewal: Duration? { self.life.map { $0 - min(.seconds(30), $0 / 10) } }
    }

    init(
        _ plugin: ExecPlugin,
        now: @escaping @Sendable () -> Date = { Date() },
        instant: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        run: @escaping @Sendable (ExecPlugin) async throws -> ExecAnswer
    ) {
        self.plugin = plugin
        self.now = now
        self.instant = instant
        self.run = run
    }

    /// The credential for the next request.
    func current() async throws -> Credential {
        if let issued = self.issued, self.holds(issued, for: issued.renewal) { return issued.credential }
        do {
            return try await self.renewed()
        } catch let error as KubernetesError {
            // Renewed ahead of time, so that a plugin that fails for a moment fails nobody.
            guard let issued = self.issued, issued.life != nil, self.holds(issued, for: issued.life) else {
                throw error
            }
            return issued.credential
        }
    }

    /// The server refused a credential: the next one comes from a new run, unless there is another already.
    func refused(_ credential: Credential) {
        if self.issued?.credential == credential { self.issued = nil }
    }

    private func holds(_ issued: Issued, for limit: Duration?) -> Bool {
        limit.map { self.instant() - issued.at < $0 } ?? true
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
        if self.running === run {
            let life = answer.expiry.map { Duration.seconds(max(0, $0.timeIntervalSince(self.now()))) }
            self.issued = Issued(credential: answer.credential, life: life, at: self.instant())
        }
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
