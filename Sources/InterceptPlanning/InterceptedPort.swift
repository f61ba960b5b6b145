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
        if let obstacle = ServiceObstacles.all(in: service, names).first {
            throw PlanningError(
                obstacle.code == .hijackedWithoutSession ? .alreadyHijacked : .unsupportedService,
                "\(obstacle.message); \(obstacle.mend)"
            )
        }
        self.names = names
        self.uid = service.uid
        self.original = OriginalService(
            selector: service[path: "spec", "selector"]?.strings ?? [:],
            ports: service[path: "spec", "ports"] ?? []
        )
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
