import InterceptPlanning
import KubernetesClient
import KubernetesModel
import Synchronization

/// Keeps the history of a Service while it is followed.
final class ServiceWatch: Sendable {
    private let client: KubernetesClient
    private let names: InterceptNames
    private let kept = Mutex(ServiceHistory())
    private let interruptions = Mutex<[String]>([])

    init(client: KubernetesClient, names: InterceptNames) {
        self.client = client
        self.names = names
    }

    /// What was seen so far.
    var history: ServiceHistory { self.kept.withLock { $0 } }
    /// How often a watch broke: what happened until it was back may have been missed.
    var broken: Int { self.interruptions.withLock { $0.count } }
    /// Why it did last, if it did.
    var trouble: String? { self.interruptions.withLock { $0.last } }

    /// Forgets what was seen, so that a long run does not grow.
    func forget() { self.kept.withLock { $0.forget() } }

    /// How interceptors have ended that were not to end so, since the last time.
    func takeDeaths() -> [String] { self.kept.withLock { $0.takeDeaths().map(\.description) } }

    /// Watches until it is cancelled.
    func follow() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in ServiceHistory.Source.allCases {
                let watch = self.watch(source)
                group.addTask {
                    for try await update in watch {
                        let now = ContinuousClock.now
                        self.kept.withLock { $0.note(update, of: source, at: now) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Runs `body` while it watches; the failure of a watch is its failure.
    func following<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await self.follow()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }

    private func watch(_ source: ServiceHistory.Source) -> ObjectWatch {
        let (type, name, labels): (ResourceType, String?, String?) =
            switch source {
            case .service: (.services, self.names.service, nil)
            case .endpoints: (.endpoints, self.names.service, nil)
            case .session: (.sessions, self.names.session, nil)
            case .pods: (.pods, nil, "app=interceptor")
            }
        return self.client.resources(type, in: self.names.namespace).watch(name: name, labels: labels) { error in
            self.interruptions.withLock { $0.append("\(source): \(error)") }
        }
    }

    /// Waits until something is seen that happened since a moment; when that was.
    func moment(
        _ what: String,
        since instant: ContinuousClock.Instant,
        within limit: Duration,
        where holds: (ServiceHistory.Sight) -> Bool
    ) async throws -> ContinuousClock.Instant {
        let deadline = ContinuousClock.now + limit
        while true {
            if let found = self.kept.withLock({ $0.first(since: instant, where: holds) }) { return found }
            guard ContinuousClock.now < deadline else { throw Trouble("not within \(limit): \(what)") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// Why a run was not what it has to be.
struct Trouble: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
