public import KubernetesModel

/// The objects of one resource type in one namespace.
public struct ResourceClient: Sendable {
    private(set) var sender: RequestSender
    /// The resource type.
    public let type: ResourceType
    /// The namespace; nil for all of them, and for types without one.
    public let namespace: String?

    private static let pageSize = 500

    /// The same, for what is only right at this moment: nothing is sent a second time, whatever the server answers.
    public var triedOnce: ResourceClient {
        var copy = self
        copy.sender.policy.attempts = 1
        return copy
    }

    /// Reads an object.
    public func get(_ name: String) async throws -> DynamicObject {
        try self.require(name)
        return DynamicObject(try await self.sender.json(.get(self.type, in: self.namespace, name: name)))
    }

    /// Reads an object; nil when there is none of that name.
    public func find(_ name: String) async throws -> DynamicObject? {
        do {
            return try await self.get(name)
        } catch let error as KubernetesError where error.isNotFound {
            return nil
        }
    }

    /// Reads all objects, page by page.
    ///
    /// - Parameters:
    ///   - labels: a label selector, such as `app=web`.
    ///   - fields: a field selector, such as `metadata.name=web`.
    /// - Returns: the objects and the moment they are of.
    public func list(labels: String? = nil, fields: String? = nil) async throws -> ObjectList {
        var collected: [DynamicObject] = []
        var token: String?
        var restarts = 0
        while true {
            do {
                let page = try await self.page(labels: labels, fields: fields, continueToken: token)
                collected += page.items
                guard let next = page.continueToken else {
                    return ObjectList(items: collected, resourceVersion: page.resourceVersion)
                }
                token = next
            } catch let error as KubernetesError where error.isExpired && token != nil && restarts < 3 {
                // The server forgot the moment this list is of: the pages so far are worth nothing.
                restarts += 1
                token = nil
                collected = []
            }
        }
    }

    func page(labels: String?, fields: String?, continueToken: String?) async throws -> ObjectList {
        let request = KubernetesRequest.list(
            self.type,
            in: self.namespace,
            labels: labels,
            fields: fields,
            limit: Self.pageSize,
            continueToken: continueToken
        )
        let answer = try await self.sender.json(request)
        guard let page = ObjectList(answer, of: self.type) else {
            throw KubernetesError(.protocolViolation, "the API server's answer is no list", request: request.summary)
        }
        return page
    }

    /// Creates an object. Its name being taken is an error that ``KubernetesError/isAlreadyExists``.
    ///
    /// - Parameters:
    ///   - object: the object.
    ///   - dryRun: whether the server only checks it.
    /// - Returns: the object as the server has it now.
    public func create(_ object: DynamicObject, dryRun: Bool = false) async throws -> DynamicObject {
        DynamicObject(
            try await self.sender.json(
                .create(object, self.type, in: self.namespace ?? object.namespace, dryRun: dryRun)
            )
        )
    }

    /// Changes an object. Sent once: when the connection dies, look at what became of it.
    ///
    /// - Parameters:
    ///   - name: the object.
    ///   - patch: the change.
    ///   - subresource: the part to change, such as `status`.
    ///   - dryRun: whether the server only checks it.
    /// - Returns: the object as the server has it now.
    public func patch(
        _ name: String,
        _ patch: Patch,
        subresource: String? = nil,
        dryRun: Bool = false
    ) async throws -> DynamicObject {
        try self.require(name)
        let request = KubernetesRequest.patch(
            self.type,
            in: self.namespace,
            name: name,
            patch,
            subresource: subresource,
            dryRun: dryRun
        )
        return DynamicObject(try await self.sender.json(request))
    }

    /// Creates an object or changes the fields that are in it (server-side apply).
    ///
    /// - Parameters:
    ///   - object: the fields that are ours.
    ///   - fieldManager: who we are.
    ///   - force: whether fields that others own are taken from them; otherwise that is a conflict.
    ///   - dryRun: whether the server only checks it.
    /// - Returns: the object as the server has it now.
    public func apply(
        _ object: DynamicObject,
        as fieldManager: String,
        force: Bool = false,
        dryRun: Bool = false
    ) async throws -> DynamicObject {
        try await self.patch(object.name, .apply(object, fieldManager: fieldManager, force: force), dryRun: dryRun)
    }

    /// Deletes an object.
    ///
    /// - Parameters:
    ///   - name: the object. There being none is an error that ``KubernetesError/isNotFound``.
    ///   - uid: only the object with this UID; another one of the same name is a conflict.
    ///   - resourceVersion: only while it is as it was then; a changed one is a conflict.
    ///   - propagation: what becomes of its dependents; nil for the server's default.
    public func delete(
        _ name: String,
        uid: String? = nil,
        resourceVersion: String? = nil,
        propagation: DeletePropagation? = nil
    ) async throws {
        try self.require(name)
        let request = KubernetesRequest.delete(
            self.type,
            in: self.namespace,
            name: name,
            uid: uid,
            resourceVersion: resourceVersion,
            propagation: propagation
        )
        _ = try await self.sender.json(request)
    }

    /// Follows all objects, or one.
    ///
    /// - Parameters:
    ///   - name: one object; nil for all of them.
    ///   - labels: a label selector.
    ///   - onTrouble: told of every interruption that the watch gets over by itself.
    /// - Returns: the updates, the first of which is the complete collection. Nothing happens before the first is asked for.
    public func watch(
        name: String? = nil,
        labels: String? = nil,
        onTrouble: (@Sendable (KubernetesError) -> Void)? = nil
    ) -> ObjectWatch {
        ObjectWatch(
            resource: self,
            labels: labels,
            fields: name.map { "metadata.name=\($0)" },
            onTrouble: onTrouble ?? { _ in }
        )
    }

    /// An empty name would address the whole collection: deleting "" must not delete everything.
    private func require(_ name: String) throws {
        guard !name.isEmpty, name != ".", name != ".." else {
            throw KubernetesError(.badRequest, "\"\(name)\" cannot be the name of a \(self.type.kind)")
        }
    }
}
