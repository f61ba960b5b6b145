public import KubernetesModel
import TrafficMatch

extension Session {
    /// The Session that an object of the API server holds, of either kind.
    ///
    /// - Throws: ``PlanningError`` with code `malformedSession`, naming the field, when a needed field is absent.
    public init(_ stored: DynamicObject) throws {
        self.kind = SessionKind(of: stored)
        let object = self.kind == .configMap ? try SessionConfigMap.unfolded(stored) : stored
        func need<Value>(_ value: Value?, _ field: String) throws -> Value {
            guard let value else { throw PlanningError.malformedSession(object.name, field: field) }
            return value
        }
        let spec = try need(object["spec"], "spec")
        let ops = try need(spec[path: "restore-service", "ops"]?.array, "spec.restore-service.ops")
        func operand(_ path: String) -> JSONValue? {
            ops.first { $0["path"]?.string == path }?["value"]
        }
        let settings = spec["interceptor"] ?? .object([:])

        self.name = object.name
        self.namespace = object.namespace ?? ""
        self.uid = object.uid
        self.resourceVersion = object.resourceVersion
        self.service = try need(
            spec[path: "restore-service", "service", "metadata", "name"]?.string,
            "spec.restore-service.service.metadata.name"
        )
        self.serviceUID = try need(spec["serviceUID"]?.string, "spec.serviceUID")
        self.incarnation = try need(spec["session"]?.string, "spec.session")
        self.phase = try need(spec["phase"]?.string.flatMap(Phase.init(rawValue:)), "spec.phase")
        self.closeReason = spec["closeReason"]?.string ?? ""
        self.original = OriginalService(
            selector: try need(operand("/spec/selector"), "spec.restore-service.ops /spec/selector").strings,
            ports: try need(operand("/spec/ports"), "spec.restore-service.ops /spec/ports")
        )
        self.routes = try (spec["routes"]?.array ?? []).map { try need(Route($0), "spec.routes") }
        self.settings = InterceptorSettings(
            image: settings["image"]?.string ?? "",
            replicas: Int(settings["replicas"]?.integer ?? 1),
            drainSeconds: Self.seconds(settings["drainSeconds"]) ?? 600,
            imagePullSecret: settings["imagePullSecret"]?.string,
            tlsSecrets: InterceptorSettings.tlsSecrets(settings["tlsSecrets"])
        )
        let status = object["status"]
        self.replicas = (status?["replicas"]?.object ?? [:]).compactMapValues(Replica.init)
        self.heartbeats = (status?["heartbeats"]?.object ?? [:]).compactMapValues(\.integer)
        self.isSuspended = status?["suspended"]?.bool ?? false
    }

    /// A time as it may stand in a Session: up to a year, so that no arithmetic on it overflows.
    fileprivate static func seconds(_ json: JSONValue?) -> Int? {
        json?.integer.map { Int(min(max($0, 1), 31_536_000)) }
    }

    /// The Session as an object to create, of its kind; the status is not part of it.
    public var object: DynamicObject {
        switch self.kind {
        case .resource: self.document
        case .configMap: SessionConfigMap.folded(self.document, members: self.members)
        }
    }

    /// The Session as it is shown: an object of its own kind, wherever it is kept; the status is not part of it.
    public var document: DynamicObject {
        DynamicObject(.sessions, name: self.name, namespace: self.namespace, ["spec": self.spec])
    }

    /// What of the spec changes in a Session's life.
    private var members: JSONValue {
        [
            "phase": .string(self.phase.rawValue),
            "closeReason": .string(self.closeReason),
            "routes": .array(self.routes.map(\.json)),
        ]
    }

    /// `spec` alone.
    public var spec: JSONValue {
        let constant: JSONValue = [
            "session": .string(self.incarnation),
            "serviceUID": .string(self.serviceUID),
            "restore-service": [
                "service": [
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": ["name": .string(self.service), "namespace": .string(self.namespace)],
                ],
                "ops": [
                    JSONPatchOperation.replace("/spec/selector", JSONValue(self.original.selector)).json,
                    JSONPatchOperation.replace("/spec/ports", self.original.ports).json,
                ],
            ],
            "interceptor": self.settings.json,
        ]
        return constant.merging(self.members)
    }

    /// The merge patch that writes routes and phase, and only if nobody wrote the Session since it was read.
    public var compareAndSwap: Patch {
        var change: JSONValue = [
            "metadata": ["resourceVersion": .string(self.resourceVersion), "uid": .string(self.uid)]
        ]
        switch self.kind {
        case .resource: change["spec"] = self.members
        case .configMap: change["data"] = SessionConfigMap.data(members: self.members)
        }
        return .merge(change)
    }
}

extension Route {
    init?(_ json: JSONValue) {
        guard
            let id = json["id"]?.string,
            let owner = json["owner"]?.string,
            let ports = json["ports"]?.array,
            let fingerprint = json["fingerprint"]?.string,
            json["epoch"].map({ ($0.integer ?? -1) >= 0 }) ?? true,
            // A condition that cannot be read must never widen what the route takes: then there is no route.
            let match = json["match"].flatMap(RequestMatch.init(_:))
        else { return nil }
        self.init(
            id: id,
            owner: owner,
            ports: ports.compactMap { $0.integer.map(Int.init) },
            match: match,
            fingerprint: fingerprint,
            epoch: json["epoch"]?.integer ?? 1,
            ttlSeconds: Session.seconds(json["ttlSeconds"]) ?? 60,
            onUnreachable: json["onUnreachable"]?.string.flatMap(Unreachable.init(rawValue:)) ?? .original,
            onRevert: json["onRevert"]?.string.flatMap(OnRevert.init(rawValue:)) ?? .yield,
            samplePer10000: json["samplePer10000"]?.integer.map { Int(min(max($0, 0), 10_000)) } ?? 10_000,
            isBounded: json["bounded"]?.bool ?? false,
            isMirror: json["mirror"]?.bool ?? false
        )
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(self.id),
            "owner": .string(self.owner),
            "ports": .array(self.ports.map { .integer(Int64($0)) }),
            "match": self.match.json,
            "fingerprint": .string(self.fingerprint),
            "epoch": .integer(self.epoch),
            "ttlSeconds": .integer(Int64(self.ttlSeconds)),
            "onUnreachable": .string(self.onUnreachable.rawValue),
        ]
        if self.onRevert != .yield { members["onRevert"] = .string(self.onRevert.rawValue) }
        if self.isBounded { members["bounded"] = true }
        if self.isMirror { members["mirror"] = true }
        if self.samplePer10000 < 10_000 { members["samplePer10000"] = .integer(Int64(self.samplePer10000)) }
        return .object(members)
    }
}

extension InterceptorSettings {
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "image": .string(self.image),
            "replicas": .integer(Int64(self.replicas)),
            "drainSeconds": .integer(Int64(self.drainSeconds)),
        ]
        members["imagePullSecret"] = self.imagePullSecret.map { .string($0) }
        if !self.tlsSecrets.isEmpty { members["tlsSecrets"] = Self.json(self.tlsSecrets) }
        return .object(members)
    }

    /// Secrets by port, as they stand in a Session and in the interceptor's settings: keys of an object are text.
    static func json(_ tlsSecrets: [Int: String]) -> JSONValue {
        .object(Dictionary(tlsSecrets.map { ("\($0.key)", .string($0.value)) }, uniquingKeysWith: { $1 }))
    }

    /// The other way round.
    static func tlsSecrets(_ json: JSONValue?) -> [Int: String] {
        Dictionary(
            (json?.object ?? [:]).compactMap { port, name in
                Int(port).flatMap { port in name.string.map { (port, $0) } }
            },
            uniquingKeysWith: { $1 }
        )
    }
}

extension Replica {
    init?(_ json: JSONValue) {
        guard let pod = json["pod"]?.string, let fingerprint = json["fingerprint"]?.string else { return nil }
        self.init(
            pod: pod,
            fingerprint: fingerprint,
            isDrained: json["drained"]?.bool ?? false,
            problem: json["problem"]?.string ?? ""
        )
    }

    /// The replica as it stands in the Session's status.
    public var json: JSONValue {
        [
            "pod": .string(self.pod),
            "fingerprint": .string(self.fingerprint),
            "drained": .bool(self.isDrained),
            "problem": .string(self.problem),
        ]
    }
}
