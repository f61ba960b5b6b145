public import InterceptPlanning
public import KubernetesClient
public import KubernetesModel

/// Reads and writes the Session of one Service, by compare-and-swap only.
public struct SessionStore: Sendable {
    /// The cluster.
    public let client: KubernetesClient
    /// Whose Session.
    public let names: InterceptNames

    /// The store of one Service's Session.
    public init(client: KubernetesClient, names: InterceptNames) {
        self.client = client
        self.names = names
    }

    /// The API resource that holds Sessions in this namespace.
    public var sessions: ResourceClient { self.client.resources(.sessions, in: self.names.namespace) }
    /// The Services of this namespace.
    public var services: ResourceClient { self.client.resources(.services, in: self.names.namespace) }

    /// The Session as it is now, or nil when there is none.
    ///
    /// - Throws: `PlanningError` when the Session's object is malformed; `KubernetesError` otherwise.
    public func find() async throws -> Session? {
        try await self.sessions.find(self.names.session).map(Session.init)
    }

    /// Changes the Session; the change is asked again with the newer Session for as long as others write in between.
    ///
    /// - Parameter change: the new Session, or nil when nothing is to be written.
    /// - Returns: the Session as it is afterwards, or nil when it is gone.
    @discardableResult
    public func update(_ change: (Session) throws -> Session?) async throws -> Session? {
        while let session = try await self.find() {
            guard let changed = try change(session) else { return session }
            do {
                return try Session(await self.sessions.patch(self.names.session, changed.compareAndSwap))
            } catch let error as KubernetesError where error.isConflict {
                continue
            } catch let error as KubernetesError where error.isNotFound {
                return nil
            }
        }
        return nil
    }

    /// Merges a value into the Session's status. Each writer has members of its own there, so nothing is compared.
    public func mergeStatus(_ status: JSONValue, uid: String) async throws {
        _ = try await self.sessions.patch(
            self.names.session,
            .merge(["metadata": ["uid": .string(uid)], "status": status]),
            subresource: "status"
        )
    }
}
