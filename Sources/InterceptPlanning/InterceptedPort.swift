public import KubernetesModel

/// One port of a Service and where the interceptor listens for it.
public struct InterceptedPort: Sendable, Hashable, CustomStringConvertible {
    /// The Service's port number.
    public var port: Int
    /// The port's name; empty when it has none.
    public var name: String
    /// Where the interceptor listens for it.
    public var listener: Int

    /// Number and name, as in `80 (http)`.
    public var description: String { self.name.isEmpty ? "\(self.port)" : "\(self.port) (\(self.name))" }

    /// The listener of the Service's port at `index`. High, so that no privilege is needed to bind it.
    public static func listener(at index: Int) -> Int { 15_100 + index }

    /// The ports of a Service, in its own order.
    public static func all(in ports: JSONValue) -> [InterceptedPort] {
        (ports.array ?? []).enumerated().map { index, port in
            InterceptedPort(
                port: Int(port["port"]?.integer ?? 0),
                name: port["name"]?.string ?? "",
                listener: Self.listener(at: index)
            )
        }
    }
}

/// A Service that was found fit to be intercepted.
public struct InterceptTarget: Sendable, Hashable {
    /// Its names.
    public var names: InterceptNames
    /// Its UID.
    public var uid: String
    /// What it is now, and has to be again.
    public var original: OriginalService

    /// Checks that a Service can be intercepted without harm.
    ///
    /// - Throws: ``PlanningError`` with code `unsupportedService` or `alreadyHijacked`.
    public init(_ service: DynamicObject) throws(PlanningError) {
        let names = InterceptNames(namespace: service.namespace ?? "default", service: service.name)
        let place = "service \(names.service) in namespace \(names.namespace)"
        func refuse(_ why: String) -> PlanningError { PlanningError(.unsupportedService, "\(place) \(why)") }

        let spec = service["spec"] ?? .object([:])
        if spec["type"]?.string == "ExternalName" {
            throw refuse(
                "is of type ExternalName: it is a DNS alias of \(spec["externalName"]?.string ?? "another name") and no "
                    + "traffic passes it; intercept the Service it points to"
            )
        }
        if spec["clusterIP"]?.string == "None" {
            throw refuse(
                "is headless (clusterIP: None): clients connect to the Pods themselves, and a changed selector would not "
                    + "lead them to the interceptor; intercept a Service with a cluster address"
            )
        }
        let selector = spec["selector"]?.strings ?? [:]
        if selector.isEmpty {
            throw refuse(
                "has no selector: its endpoints are made by hand, so there is nothing to swap; "
                    + "intercept a Service that selects Pods"
            )
        }
        let ports = spec["ports"]?.array ?? []
        if let other = ports.first(where: { ($0["protocol"]?.string ?? "TCP") != "TCP" }) {
            throw refuse(
                "has a port that is not TCP (\(other["port"]?.integer ?? 0)/\(other["protocol"]?.string ?? "")): its traffic "
                    + "would be lost while the Service is intercepted; move that port to a Service of its own"
            )
        }
        if let policy = ["externalTrafficPolicy", "internalTrafficPolicy"].first(where: { spec[$0]?.string == "Local" })
        {
            throw refuse(
                "has \(policy): Local: nodes without an interceptor replica would drop its traffic; "
                    + "set it to Cluster while you intercept"
            )
        }
        if names.decoy.utf8.count > 63 {
            throw refuse(
                "has a name too long for its decoy (\(names.decoy) has \(names.decoy.utf8.count) characters, 63 are allowed)"
            )
        }
        if let incarnation = ServiceSwap.selectedIncarnation(of: service) {
            throw PlanningError(
                .alreadyHijacked,
                "\(place) is hijacked by session hash \(incarnation), which no Session describes any more; "
                    + "`detour session close \(names.session) -n \(names.namespace)` restores it"
            )
        }
        self.names = names
        self.uid = service.uid
        self.original = OriginalService(selector: selector, ports: spec["ports"] ?? [])
    }

    /// The Service port a user named by number or name.
    ///
    /// - Throws: ``PlanningError`` with code `noSuchPort`, listing the ports there are.
    public func port(_ asked: String) throws -> InterceptedPort {
        let ports = InterceptedPort.all(in: self.original.ports)
        if let port = ports.first(where: { String($0.port) == asked || (!$0.name.isEmpty && $0.name == asked) }) {
            return port
        }
        let known = ports.map(\.description).joined(separator: ", ")
        throw PlanningError(
            .noSuchPort,
            "service \(self.names.service) in namespace \(self.names.namespace) has no port \(asked); it has \(known)"
        )
    }
}
