/// What becomes of an object's dependents when it is deleted.
public enum DeletePropagation: String, Sendable, Hashable {
    /// They are collected afterwards.
    case background = "Background"
    /// They go first.
    case foreground = "Foreground"
    /// They stay.
    case orphan = "Orphan"
}

extension KubernetesRequest {
    /// The path to a collection, or to one object in it.
    ///
    /// - Parameters:
    ///   - type: the resource.
    ///   - namespace: its namespace; nil for all of them, and for resources without one.
    ///   - name: the object; nil for the collection.
    ///   - subresource: a part of the object, such as `status`.
    /// - Returns: the path's segments.
    public static func segments(
        _ type: ResourceType,
        in namespace: String?,
        name: String? = nil,
        subresource: String? = nil
    ) -> [String] {
        var segments = type.group.isEmpty ? ["api", type.version] : ["apis", type.group, type.version]
        if type.isNamespaced, let namespace { segments += ["namespaces", namespace] }
        segments.append(type.plural)
        if let name { segments.append(name) }
        if let name, !name.isEmpty, let subresource { segments.append(subresource) }
        return segments
    }

    /// Reads one object.
    public static func get(_ type: ResourceType, in namespace: String?, name: String) -> Self {
        .init(.get, self.segments(type, in: namespace, name: name))
    }

    /// Reads one page of a collection.
    public static func list(
        _ type: ResourceType,
        in namespace: String?,
        labels: String? = nil,
        fields: String? = nil,
        limit: Int? = nil,
        continueToken: String? = nil
    ) -> Self {
        var query = self.selectors(labels: labels, fields: fields)
        if let limit { query.append(.init("limit", String(limit))) }
        if let continueToken { query.append(.init("continue", continueToken)) }
        return .init(.get, self.segments(type, in: namespace), query: query)
    }

    /// Streams the changes of a collection after a resource version.
    public static func watch(
        _ type: ResourceType,
        in namespace: String?,
        labels: String? = nil,
        fields: String? = nil,
        resourceVersion: String,
        timeoutSeconds: Int
    ) -> Self {
        var query = self.selectors(labels: labels, fields: fields)
        query.append(.init("watch", "1"))
        query.append(.init("allowWatchBookmarks", "true"))
        query.append(.init("resourceVersion", resourceVersion))
        query.append(.init("timeoutSeconds", String(timeoutSeconds)))
        var request = Self(.get, self.segments(type, in: namespace), query: query)
        request.isStream = true
        return request
    }

    /// Creates an object in a collection.
    public static func create(
        _ object: DynamicObject,
        _ type: ResourceType,
        in namespace: String?,
        dryRun: Bool = false
    ) -> Self {
        .init(.post, self.segments(type, in: namespace), query: self.dryRun(dryRun), body: object.json)
    }

    /// Changes an object.
    public static func patch(
        _ type: ResourceType,
        in namespace: String?,
        name: String,
        _ patch: Patch,
        subresource: String? = nil,
        dryRun: Bool = false
    ) -> Self {
        let segments = self.segments(type, in: namespace, name: name, subresource: subresource)
        var query = self.dryRun(dryRun)
        let body: JSONValue
        switch patch {
        case .json(let operations):
            body = .array(operations.map(\.json))
        case .merge(let value):
            body = value
        case .apply(let object, let fieldManager, let force):
            query.append(.init("fieldManager", fieldManager))
            if force { query.append(.init("force", "true")) }
            body = object.json
        }
        return .init(.patch, segments, query: query, body: body, contentType: patch.contentType)
    }

    /// Deletes an object, if it still is the one that the preconditions name.
    public static func delete(
        _ type: ResourceType,
        in namespace: String?,
        name: String,
        uid: String? = nil,
        resourceVersion: String? = nil,
        propagation: DeletePropagation? = nil
    ) -> Self {
        var options: JSONValue = ["apiVersion": "v1", "kind": "DeleteOptions"]
        var preconditions: [String: JSONValue] = [:]
        preconditions["uid"] = uid.map { .string($0) }
        preconditions["resourceVersion"] = resourceVersion.map { .string($0) }
        if !preconditions.isEmpty { options["preconditions"] = .object(preconditions) }
        options["propagationPolicy"] = propagation.map { .string($0.rawValue) }
        return .init(.delete, self.segments(type, in: namespace, name: name), body: options)
    }

    /// Opens a stream to a port of a pod. To be upgraded to a WebSocket.
    public static func portForward(pod: String, in namespace: String, port: UInt16) -> Self {
        .init(
            .get,
            self.segments(.pods, in: namespace, name: pod, subresource: "portforward"),
            query: [.init("ports", String(port))]
        )
    }

    /// Runs a command in a container of a pod, for its output. To be upgraded to a WebSocket.
    public static func exec(_ command: [String], pod: String, container: String, in namespace: String) -> Self {
        .init(
            .get,
            self.segments(.pods, in: namespace, name: pod, subresource: "exec"),
            query: command.map { QueryItem("command", $0) } + [
                .init("container", container), .init("stdout", "true"), .init("stderr", "true"),
            ]
        )
    }

    /// Asks which version the server is.
    public static var version: Self { .init(.get, ["version"]) }

    /// Asks which resources a group version has.
    public static func discovery(group: String, version: String) -> Self {
        .init(.get, group.isEmpty ? ["api", version] : ["apis", group, version])
    }

    /// Asks for everything below `/api` (the core group) or `/apis` (the others), aggregated where the server can.
    ///
    /// - Parameter root: `api` or `apis`.
    public static func discovery(root: String) -> Self {
        var request = Self(.get, [root])
        let aggregated = ["v2", "v2beta1"].map {
            "application/json;g=apidiscovery.k8s.io;v=\($0);as=APIGroupDiscoveryList"
        }
        request.accept = (aggregated + ["application/json"]).joined(separator: ",")
        return request
    }

    private static func selectors(labels: String?, fields: String?) -> [QueryItem] {
        var query: [QueryItem] = []
        if let labels { query.append(.init("labelSelector", labels)) }
        if let fields { query.append(.init("fieldSelector", fields)) }
        return query
    }

    private static func dryRun(_ dryRun: Bool) -> [QueryItem] {
        dryRun ? [.init("dryRun", "All")] : []
    }
}

extension Patch {
    /// The media type by which the API server tells the forms apart. A JSON body is valid YAML.
    public var contentType: String {
        switch self {
        case .json: "application/json-patch+json"
        case .merge: "application/merge-patch+json"
        case .apply: "application/apply-patch+yaml"
        }
    }
}
