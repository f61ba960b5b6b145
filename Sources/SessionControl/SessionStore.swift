public import InterceptPlanning
public import KubernetesClient
public import KubernetesModel

/// Reads and writes the Session of one Service, whatever kind of object holds it, by compare-and-swap only.
///
/// A Session of either kind is found, and goes on where it is. That there are never two is up to who makes or joins one:
/// each writes first and asks for a ``second(to:)`` afterwards, so that of two at once at least one sees the other.
public struct SessionStore: Sendable {
    /// The cluster.
    public let client: KubernetesClient
    /// Whose Session.
    public let names: InterceptNames
    /// The kinds of objects it is looked for in, one after the other.
    private let kinds: [SessionKind]

    /// The store of one Service's Session.
    ///
    /// - Parameter kinds: where it is looked for, in this order; a replica may see the one kind that it was made for.
    public init(client: KubernetesClient, names: InterceptNames, kinds: [SessionKind] = SessionKind.allCases) {
        self.client = client
        self.names = names
        self.kinds = kinds
    }

    /// The same, looking in one kind first.
    public func preferring(_ kind: SessionKind) -> SessionStore {
        SessionStore(client: self.client, names: self.names, kinds: [kind] + self.kinds.filter { $0 != kind })
    }

    /// The Services of this namespace.
    public var services: ResourceClient { self.client.resources(.services, in: self.names.namespace) }

    private func objects(_ kind: SessionKind) -> ResourceClient {
        self.client.resources(kind.type, in: self.names.namespace)
    }

    // MARK: - Reading

    /// The Session as it is now, or nil when there is none.
    ///
    /// - Throws: `PlanningError` when the Session's object is malformed; `KubernetesError` otherwise.
    public func find() async throws -> Session? {
        try await self.stored().map(Session.init)
    }

    /// The object that holds the Session, readable or not, or nil when there is none.
    public func stored() async throws -> DynamicObject? {
        for kind in self.kinds {
            if let found = try await self.stored(as: kind) { return found }
        }
        return nil
    }

    /// The object of one kind that holds the Session; nil where there is none, or the server does not have that kind.
    public func stored(as kind: SessionKind) async throws -> DynamicObject? {
        do {
            return try await self.objects(kind).find(self.names.session).flatMap { kind.isSession($0) ? $0 : nil }
        } catch let error as KubernetesError where error.isForbidden && kind == .resource {
            // The server asks who may before it looks whether it has what is asked for.
            guard try await self.client.serves(kind.type) else { return nil }
            throw error
        }
    }

    /// A Session of the same Service in the other kind of object: there is never to be one.
    public func second(to session: Session) async throws -> DynamicObject? {
        for kind in SessionKind.allCases where kind != session.kind {
            if let found = try await self.stored(as: kind) { return found }
        }
        return nil
    }

    /// Follows the Session's object, in the first of the kinds only.
    public func watch() -> ObjectWatch {
        self.objects(self.kinds.first ?? .resource).watch(name: self.names.session)
    }

    // MARK: - Writing

    /// Makes a Session, in the kind of object that it says. Its name being taken is an error that `isAlreadyExists`.
    ///
    /// - Throws: `SessionControlError` when it is taken by what is no Session; `KubernetesError` otherwise.
    public func create(_ session: Session) async throws -> Session {
        let objects = self.objects(session.kind)
        var looks = SecondLooks()
        while true {
            do {
                return try Session(await objects.create(session.object))
            } catch let error as KubernetesError where error.isAlreadyExists {
                guard let taken = try await objects.find(session.name) else { throw error }
                guard session.kind.isSession(taken) else {
                    throw SessionControlError.foreignObject(
                        session.kind.type,
                        session.name,
                        namespace: self.names.namespace
                    )
                }
                // Made by a try whose answer was lost.
                if let own = try? Session(taken), own.incarnation == session.incarnation { return own }
                throw error
            } catch let error as KubernetesError where looks.allow(error) {}
        }
    }

    /// Writes a Session if nobody has since it was read; else a conflict.
    public func replace(_ session: Session) async throws -> Session {
        try Session(await self.objects(session.kind).patch(self.names.session, session.compareAndSwap))
    }

    /// Changes the Session; the change is asked again with the newer Session for as long as others write in between.
    ///
    /// - Parameter change: the new Session, or nil when nothing is to be written.
    /// - Returns: the Session as it is afterwards, or nil when it is gone.
    @discardableResult
    public func update(_ change: (Session) throws -> Session?) async throws -> Session? {
        var looks = SecondLooks()
        // What a try made whose answer was lost, if it arrived.
        var tried: Session?
        while let session = try await self.find() {
            // That one is over; the change was not meant for its successor.
            if let tried, tried.incarnation != session.incarnation { return tried }
            guard let changed = try change(session) else { return session }
            do {
                return try await self.replace(changed)
            } catch let error as KubernetesError where error.isConflict {
                continue
            } catch let error as KubernetesError where looks.allow(error) {
                tried = changed
            } catch let error as KubernetesError where error.isNotFound {
                break
            }
        }
        return tried
    }

    /// Merges a value into the Session's status. Each writer has members of its own there, so nothing is compared but the
    /// Session's UID; in a ConfigMap, whose status is one text, it is merged into the newest.
    public func mergeStatus(_ status: JSONValue, of session: Session) async throws {
        let objects = self.objects(session.kind)
        switch session.kind {
        case .resource:
            _ = try await objects.patch(
                self.names.session,
                .merge(["metadata": ["uid": .string(session.uid)], "status": status]),
                subresource: "status"
            )
        case .configMap:
            while true {
                let found = try await objects.get(self.names.session)
                do {
                    var patched = found
                    patched["metadata"]?["uid"] = .string(session.uid)
                    _ = try await objects.patch(
                        self.names.session,
                        SessionConfigMap.merging(status: status, into: patched)
                    )
                    return
                } catch let error as KubernetesError where error.isConflict && found.uid == session.uid {
                    continue
                }
            }
        }
    }

    /// Deletes the Session, and with it all that it owns, unless somebody wrote it meanwhile: then it is a conflict.
    public func delete(_ kind: SessionKind, uid: String, resourceVersion: String) async throws {
        try await self.objects(kind)
            .delete(self.names.session, uid: uid, resourceVersion: resourceVersion, propagation: .background)
    }
}
