public import KubernetesModel

/// Everything a diagnosis looks at, as one observer saw it at one moment.
public struct Surroundings: Sendable {
    /// Something the observer could not look at.
    public struct Unseen: Sendable, Hashable {
        /// The verb that failed, such as `list`.
        public var verb: String
        /// The resource, such as `networkpolicies.networking.k8s.io`.
        public var resource: String
        /// Why, in the server's words.
        public var reason: String

        /// Something unseen by its parts.
        public init(verb: String, resource: String, reason: String) {
            self.verb = verb
            self.resource = resource
            self.reason = reason
        }
    }

    /// What the cluster knows of Sessions.
    public enum Definition: Sendable, Hashable {
        /// Nothing.
        case absent
        /// It serves them; the definition itself where it may be read.
        case served(DynamicObject?)
    }

    /// An address the API server answers at.
    public struct APIServer: Sendable, Hashable {
        /// The IP address.
        public var address: String
        /// The port.
        public var port: Int

        /// An address by its parts.
        public init(address: String, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// The Service's names, and those an intercept of it would take.
    public var names: InterceptNames
    /// The image the interceptor would run.
    public var image: String
    /// This program's version, such as `0.1.0`.
    public var programVersion: String
    /// The Service; nil when it may not be read.
    public var service: DynamicObject?
    /// The namespace's Services, decoys included.
    public var services: [DynamicObject] = []
    /// The namespace's Pods; nil when they may not be listed.
    public var pods: [DynamicObject]?
    /// The namespace itself; nil when it may not be read.
    public var namespace: DynamicObject?
    /// The namespace's NetworkPolicies.
    public var networkPolicies: [DynamicObject] = []
    /// The namespace's ResourceQuotas.
    public var quotas: [DynamicObject] = []
    /// The namespace's LimitRanges.
    public var limitRanges: [DynamicObject] = []
    /// The namespace's HorizontalPodAutoscalers.
    public var autoscalers: [DynamicObject] = []
    /// The namespace's PodDisruptionBudgets; nil when they may not be listed.
    public var disruptionBudgets: [DynamicObject]?
    /// What the cluster knows of Sessions.
    public var definition: Definition = .served(nil)
    /// Where a new Session would be kept.
    public var home: SessionHome = .resource
    /// The Service's Session, as it is stored.
    public var session: DynamicObject?
    /// Another Session of the Service, of the other kind: there is never to be one.
    public var secondSession: DynamicObject?
    /// The interceptor's Deployment.
    public var interceptor: DynamicObject?
    /// Where the API server answers; empty when that is not known.
    public var apiServers: [APIServer] = []
    /// The API server's version.
    public var version: ServerVersion?
    /// What the user may not do of all that an intercept needs, such as `create roles.rbac.authorization.k8s.io`.
    public var denied: [String] = []
    /// Why no replica could run as what an administrator made for it; nil where that is enough, or was not made.
    public var identityFault: InstalledIdentity.Fault?
    /// What could not be looked at.
    public var unseen: [Unseen] = []

    /// Surroundings of which only the target is known.
    public init(names: InterceptNames, image: String, programVersion: String) {
        self.names = names
        self.image = image
        self.programVersion = programVersion
    }
}

extension Surroundings {
    /// `service NAME in namespace NAMESPACE`, as every message names it.
    var place: String { "service \(self.names.service) in namespace \(self.names.namespace)" }

    /// The Session, where it can be read.
    var readableSession: Session? { self.session.flatMap { try? Session($0) } }

    /// What kind of object holds the Session that is there, where it can be read.
    public var readableKind: SessionKind? { self.readableSession?.kind }

    /// The Service as it was before any hijack; nil when nothing knows that any more.
    var original: DynamicObject? {
        guard var service = self.service else { return nil }
        guard let known = self.knownOriginal(of: service) else {
            return ServiceSwap.selectedIncarnation(of: service) == nil ? service : nil
        }
        service["spec"]?["selector"] = JSONValue(known.selector)
        service["spec"]?["ports"] = known.ports
        return service
    }

    private func knownOriginal(of service: DynamicObject) -> OriginalService? {
        if let session = self.readableSession { return session.original }
        guard ServiceSwap.selectedIncarnation(of: service) != nil else { return nil }
        let decoy = self.services.first { $0.name == self.names.decoy }
        let swap = ServiceSwap(annotationOf: service) ?? decoy.flatMap { ServiceSwap(decoy: $0, of: service) }
        return swap?.original
    }

    /// The original's selector; empty when it has none.
    var selector: [String: String] { self.original?[path: "spec", "selector"]?.strings ?? [:] }

    /// The original's TCP ports with their place in the Service, which says where the interceptor listens for each.
    var ports: [(index: Int, json: JSONValue)] {
        (self.original?[path: "spec", "ports"]?.array ?? []).enumerated()
            .filter { ($0.element["protocol"]?.string ?? "TCP") == "TCP" }
            .map { ($0.offset, $0.element) }
    }

    /// The original's Pods that are not finished or being deleted; empty without a selector.
    var workload: [DynamicObject] {
        let selector = self.selector
        guard !selector.isEmpty else { return [] }
        return (self.pods ?? []).filter {
            LabelSelector(labels: selector).matches($0.labels) && InterceptorPod($0).isLive
        }
    }

    /// Those of them that are ready.
    var readyWorkload: [DynamicObject] { self.workload.filter { InterceptorPod($0).isReady } }

    /// The interceptor's Pods of the Session, of whatever health.
    var interceptorPods: [DynamicObject] {
        guard let incarnation = self.incarnation else { return [] }
        let selector = LabelSelector(labels: Marks.selector(incarnation: incarnation))
        return (self.pods ?? []).filter { selector.matches($0.labels) && !$0.isTerminating }
    }

    private var incarnation: String? {
        self.readableSession?.incarnation ?? self.service.flatMap(ServiceSwap.selectedIncarnation)
    }

    /// A Session such as an intercept started now would write: what its objects look like is judged by it.
    var planned: Session {
        Session(
            names: self.names,
            serviceUID: self.service?.uid ?? "",
            incarnation: self.incarnation ?? String(repeating: "0", count: 40),
            original: OriginalService(selector: self.selector, ports: self.original?[path: "spec", "ports"] ?? []),
            routes: [],
            settings: InterceptorSettings(image: self.image, replicas: self.readyWorkload.count >= 2 ? 2 : 1),
            kind: self.home.kind
        )
    }

    /// The number a Pod listens on for a Service port; nil when it has no container port of the name asked for.
    static func target(of port: JSONValue, in pod: DynamicObject) -> Int? {
        switch port["targetPort"] {
        case .integer(let number): Int(number)
        case .string(let name): pod.namedPorts[name]
        default: port["port"]?.integer.map(Int.init)
        }
    }
}

extension DynamicObject {
    /// A Pod's container ports that have names.
    var namedPorts: [String: Int] {
        // A native sidecar is an init container that goes on; its names count, too.
        let sidecars = (self[path: "spec", "initContainers"]?.array ?? []).filter { $0["restartPolicy"] == "Always" }
        let containers = (self[path: "spec", "containers"]?.array ?? []) + sidecars
        let ports = containers.flatMap { $0["ports"]?.array ?? [] }
        let named = ports.compactMap { port in
            port["name"]?.string.flatMap { name in port["containerPort"]?.integer.map { (name, Int($0)) } }
        }
        return Dictionary(named, uniquingKeysWith: { first, _ in first })
    }

    /// A Pod's containers, sidecars of either kind among them, by name.
    var containerNames: Set<String> {
        let containers = ["containers", "initContainers"].flatMap { self["spec"]?[$0]?.array ?? [] }
        return Set(containers.compactMap { $0["name"]?.string })
    }
}
