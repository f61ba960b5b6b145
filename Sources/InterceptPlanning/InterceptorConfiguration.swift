public import KubernetesModel

/// The interceptor's static settings, as its ConfigMap holds them. Routes are never among them: they live in the Session.
public struct InterceptorConfiguration: Sendable, Hashable {
    /// The ConfigMap's key, and the file's name where it is mounted.
    public static let fileName = "interceptor.json"
    /// Where the tunnel listens inside the Pod, on loopback only.
    public static let tunnelPort = 15_099
    /// Where health and metrics are served.
    public static let adminPort = 15_020

    /// The namespace of everything.
    public var namespace: String
    /// The intercepted Service.
    public var service: String
    /// The hijack's name.
    public var incarnation: String
    /// What kind of object holds the Session.
    public var kind: SessionKind
    /// The decoy's cluster address.
    public var decoyAddress: String
    /// The Service's ports.
    public var ports: [InterceptedPort]
    /// How long bystander connections may linger, in seconds.
    public var drainSeconds: Int
    /// The Secrets with which TLS is spoken in the Service's place, by Service port.
    public var tlsSecrets: [Int: String]
    /// What the Service was, so that a replica restores it even when the Session is gone.
    public var original: OriginalService

    /// Where the Secret of a Service port is mounted.
    public static func tlsDirectory(port: Int) -> String { "/etc/detour-tls/\(port)" }

    /// The names derived from these settings.
    public var names: InterceptNames { InterceptNames(namespace: self.namespace, service: self.service) }

    /// The settings for a Session whose decoy has its address.
    public init(session: Session, decoyAddress: String) {
        self.namespace = session.namespace
        self.service = session.service
        self.incarnation = session.incarnation
        self.kind = session.kind
        self.decoyAddress = decoyAddress
        self.ports = InterceptedPort.all(in: session.original.ports)
        self.drainSeconds = session.settings.drainSeconds
        self.original = session.original
        self.tlsSecrets = session.settings.tlsSecrets
    }

    /// The settings that a file holds.
    ///
    /// - Throws: ``PlanningError`` naming the key that is absent.
    public init(_ json: JSONValue) throws {
        func need<Value>(_ value: Value?, _ key: String) throws -> Value {
            guard let value else {
                throw PlanningError(.malformedSession, "\(Self.fileName): key \(key) is missing or of another type")
            }
            return value
        }
        self.namespace = try need(json["namespace"]?.string, "namespace")
        self.service = try need(json["service"]?.string, "service")
        self.incarnation = try need(json["session"]?.string, "session")
        self.kind = try need(SessionKind(rawValue: json["store"]?.string ?? SessionKind.resource.rawValue), "store")
        self.decoyAddress = try need(json["decoyAddress"]?.string, "decoyAddress")
        self.drainSeconds = Int(try need(json["drainSeconds"]?.integer, "drainSeconds"))
        self.original = OriginalService(
            selector: try need(json["selector"], "selector").strings,
            ports: try need(json["ports"], "ports")
        )
        self.ports = InterceptedPort.all(in: self.original.ports)
        self.tlsSecrets = InterceptorSettings.tlsSecrets(json["tlsSecrets"])
    }

    /// The settings as they stand in the ConfigMap.
    public var json: JSONValue {
        var json: JSONValue = [
            "namespace": .string(self.namespace),
            "service": .string(self.service),
            "session": .string(self.incarnation),
            "store": .string(self.kind.rawValue),
            "decoyAddress": .string(self.decoyAddress),
            "drainSeconds": .integer(Int64(self.drainSeconds)),
            "selector": JSONValue(self.original.selector),
            "ports": self.original.ports,
        ]
        if !self.tlsSecrets.isEmpty { json["tlsSecrets"] = InterceptorSettings.json(self.tlsSecrets) }
        return json
    }
}
