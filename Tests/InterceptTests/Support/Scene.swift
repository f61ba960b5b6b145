import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing
import TrafficMatch

@testable import Intercept

/// A model cluster with a Service to intercept, and what the intercept said.
final class Scene: Sendable {
    static let names = InterceptNames(namespace: "shop", service: "leaf")

    let server: ModelAPIServer
    let service: DynamicObject
    private let said = Mutex<[InterceptEvent]>([])

    init(hasDefinition: Bool = true, ports: JSONValue = [["name": "http", "port": 80, "targetPort": "web"]]) {
        var cluster = ModelCluster(types: ModelCluster.builtIn + (hasDefinition ? [.sessions] : []))
        self.service = cluster.put(Self.service("leaf", ports: ports))
        self.server = ModelAPIServer(cluster)
    }

    static func service(_ name: String, ports: JSONValue = [["port": 80]]) -> DynamicObject {
        DynamicObject(
            .services,
            name: name,
            namespace: "shop",
            ["spec": ["selector": ["app": .string(name)], "ports": ports]]
        )
    }

    var events: [InterceptEvent] { self.said.withLock { $0 } }

    /// The steps and warnings, as text.
    var texts: [String] {
        self.events.compactMap {
            switch $0 {
            case .step(let text), .warning(let text): text
            default: nil
            }
        }
    }

    var client: KubernetesClient { self.client(over: self.server) }

    func client(over transport: any KubernetesTransport) -> KubernetesClient {
        var policy = RetryPolicy()
        policy.sleep = { _ in }
        return KubernetesClient(transport: transport, namespace: "shop", policy: policy)
    }

    var preflight: Preflight { Preflight(client: self.client, names: Self.names) }

    func run(
        owner: String = "ada@laptop",
        match: String = "X-C6O-INTERCEPT:yes",
        ports: [InterceptOptions.PortMapping] = [.init(remote: "http", local: 1)],
        transport: (any KubernetesTransport)? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        change: (inout InterceptOptions) -> Void = { _ in },
        guarding: @escaping InterceptRun.Guarding = { _ in },
        on event: @escaping @Sendable (InterceptEvent) -> Void = { _ in }
    ) throws -> InterceptRun {
        var options = InterceptOptions(
            service: "leaf",
            ports: ports,
            match: try RequestMatch(headers: [HeaderMatch(parsing: match)]),
            owner: owner,
            image: "detour:test",
            version: "1.0"
        )
        change(&options)
        let client = self.client(over: transport ?? self.server)
        return try InterceptRun(options: options, client: client, guarding: guarding, clock: clock) { said in
            self.said.withLock { $0.append(said) }
            event(said)
        }
    }

    /// The Session, of whatever kind; a second one is a failure.
    func session() throws -> Session? {
        let stored = SessionKind.allCases.compactMap { self.server.cluster[$0.type, "shop", Self.names.session] }
        #expect(stored.count < 2, "two Sessions of one Service")
        return try stored.first.map(Session.init)
    }

    /// A cluster that knows Sessions, or one that does not and whose user may not make them known.
    convenience init(_ kind: SessionKind) {
        self.init(hasDefinition: kind == .resource)
        self.server.change { $0.forbidden = ["create customresourcedefinitions"] }
    }

    /// The requests that change something.
    var writes: [KubernetesRequest] {
        self.server.requests.filter {
            $0.method != .get && $0.segments.last != ResourceType.selfSubjectAccessReviews.plural
        }
    }
}

/// A transport that does what an API server's own controllers do after a definition was made.
struct EstablishingTransport: WrappingTransport {
    let server: ModelAPIServer

    var base: any KubernetesTransport { self.server }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let response = try await self.base.send(request)
        if request.method == .post, request.segments.last == ResourceType.customResourceDefinitions.plural {
            var definition = SessionDefinition.manifest
            definition["status"] = ["conditions": [["type": "Established", "status": "True"]]]
            let established = definition
            self.server.change { _ = $0.put(established) }
        }
        return response
    }
}
