public import KubernetesModel

/// A Session as a ConfigMap holds it: the same object with its parts as JSON texts, since a ConfigMap holds texts only.
///
/// | key | holds |
/// |---|---|
/// | `spec` | what never changes: incarnation, Service, interceptor |
/// | `ops` | `restore-service.ops` of the spec, apart, so that `kubectl patch` can be given it as it is |
/// | `members` | what compare-and-swap writes: phase, reason, routes |
/// | `status` | the status |
public enum SessionConfigMap {
    private enum Key {
        static let spec = "spec"
        static let ops = "ops"
        static let members = "members"
        static let status = "status"
    }

    /// The ConfigMap to create for a Session.
    ///
    /// - Parameters:
    ///   - session: the Session as an object of its own kind.
    ///   - members: what of its spec is to stand apart.
    static func folded(_ session: DynamicObject, members: JSONValue) -> DynamicObject {
        var spec = session["spec"] ?? [:]
        let ops = spec["restore-service"]?["ops"] ?? []
        spec["restore-service"]?["ops"] = nil
        for key in (members.object ?? [:]).keys { spec[key] = nil }
        var configMap = DynamicObject(
            .configMaps,
            name: session.name,
            namespace: session.namespace,
            [
                "data": [
                    Key.spec: .string(spec.pretty), Key.ops: .string(ops.pretty),
                    Key.members: .string(members.pretty),
                ]
            ]
        )
        let (key, value) = InterceptManifests.managedBy
        configMap["metadata"]?["labels"] = JSONValue([key: value, Marks.holdsLabel: Marks.holdsSession])
        return configMap
    }

    /// The Session that a ConfigMap holds, with the ConfigMap's metadata.
    ///
    /// - Throws: ``PlanningError`` with code `malformedSession`, naming the key whose text is missing or no JSON.
    public static func unfolded(_ configMap: DynamicObject) throws -> DynamicObject {
        func part(_ key: String) throws -> JSONValue {
            guard let text = configMap[path: "data", key]?.string, let json = try? JSONValue(parsing: text) else {
                throw PlanningError.malformedSession(configMap.name, field: "data.\(key)")
            }
            return json
        }
        var spec = try part(Key.spec).merging(try part(Key.members))
        spec["restore-service"]?["ops"] = try part(Key.ops)
        var session = configMap
        session["apiVersion"] = .string(ResourceType.sessions.apiVersion)
        session["kind"] = .string(ResourceType.sessions.kind)
        session["data"] = nil
        session["spec"] = spec
        session["status"] = try? part(Key.status)
        return session
    }

    /// What compare-and-swap writes, as a member of a merge patch.
    static func data(members: JSONValue) -> JSONValue { [Key.members: .string(members.pretty)] }

    /// The patch that merges a value into the status (RFC 7386), if nobody wrote the ConfigMap since it was read: its
    /// status is one text, so what others have in there is written with it.
    ///
    /// - Parameters:
    ///   - status: the members to change; `null` removes one.
    ///   - configMap: as it was read.
    public static func merging(status: JSONValue, into configMap: DynamicObject) -> Patch {
        let before = (configMap[path: "data", Key.status]?.string).flatMap { try? JSONValue(parsing: $0) }
        return .merge([
            "metadata": ["resourceVersion": .string(configMap.resourceVersion), "uid": .string(configMap.uid)],
            "data": [Key.status: .string((before ?? [:]).merging(status).pretty)],
        ])
    }
}
