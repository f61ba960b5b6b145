public import InterceptPlanning
public import KubernetesClient
import KubernetesModel

/// Finds Sessions, and Services that carry a hijack whose Session is gone.
public struct SessionInventory: Sendable {
    private let client: KubernetesClient
    private let spansNamespaces: Bool

    /// An inventory of the client's namespace, or of all.
    public init(client: KubernetesClient, spansNamespaces: Bool = false) {
        self.client = client
        self.spansNamespaces = spansNamespaces
    }

    private func resources(_ type: ResourceType) -> ResourceClient {
        self.spansNamespaces ? self.client.allNamespaces(type) : self.client.resources(type)
    }

    /// A Session that cannot be read, after an edit by hand.
    public struct Damaged: Sendable {
        /// Its namespace.
        public var namespace: String
        /// The Service it was for, by its name.
        public var service: String
        /// What is wrong with it.
        public var reason: String
    }

    /// What there is.
    public struct Contents: Sendable {
        /// The Sessions of either kind, sorted by namespace and Service.
        public var sessions: [Session] = []
        /// Those that cannot be read.
        public var damaged: [Damaged] = []
        /// The kinds of objects that the user may not list: there may be more Sessions of these.
        public var unseen: [SessionKind] = []
    }

    /// The Sessions, sorted by namespace and Service.
    public func sessions() async throws -> [Session] {
        try await self.contents().sessions
    }

    /// The Sessions, and those that cannot be read.
    ///
    /// - Throws: `KubernetesError`, also where Sessions of no kind may be listed.
    public func contents() async throws -> Contents {
        var contents = Contents()
        var refusal: KubernetesError?
        for kind in SessionKind.allCases {
            do {
                for object in try await self.resources(kind.type).list(labels: kind.query).items {
                    self.add(object, to: &contents)
                }
            } catch let error as KubernetesError where error.isNotFound {
                continue
            } catch let error as KubernetesError where error.isForbidden {
                // The server asks who may before it looks whether it has what is asked for.
                guard try await self.client.serves(kind.type) else { continue }
                contents.unseen.append(kind)
                refusal = refusal ?? error
            }
        }
        if let refusal, contents.unseen.count == SessionKind.allCases.count { throw refusal }
        contents.sessions.sort { ($0.namespace, $0.service) < ($1.namespace, $1.service) }
        return contents
    }

    private func add(_ object: DynamicObject, to contents: inout Contents) {
        do {
            contents.sessions.append(try Session(object))
        } catch {
            let namespace = object.namespace ?? self.client.namespace
            let service = self.service(of: object.name, in: namespace)
            contents.damaged.append(Damaged(namespace: namespace, service: service, reason: "\(error)"))
        }
    }

    /// The Service of a Session by that one's name; the name itself when it is none.
    private func service(of session: String, in namespace: String) -> String {
        let prefix = "intercept-\(namespace)-"
        return session.hasPrefix(prefix) ? String(session.dropFirst(prefix.count)) : session
    }

    /// The Services that a Session names, or that carry a hijack without one.
    public func interceptedServices() async throws -> [String] {
        let contents = try await self.contents()
        let sessions = contents.sessions.map(\.service) + contents.damaged.map(\.service)
        let orphans = try await self.resources(.services).list().items
            .filter { ServiceSwap.selectedIncarnation(of: $0) != nil || ServiceSwap.incarnation(of: $0) != nil }
            .map(\.name)
        return Set(sessions + orphans).sorted()
    }

    /// The Session that a user named by its own name or its Service's.
    ///
    /// - Throws: `SessionControlError` naming those there are.
    public func session(named name: String) async throws -> Session {
        let sessions = try await self.sessions()
        if let session = sessions.first(where: { $0.name == name || $0.service == name }) { return session }
        throw SessionControlError.noSuchSession(
            name,
            namespace: self.client.namespace,
            known: sessions.map(\.service)
        )
    }

    /// The Service behind a name that is its own or a Session's, whether or not a Session exists.
    public func service(named name: String) async throws -> String {
        if let session = try await self.sessions().first(where: { $0.name == name }) { return session.service }
        return self.service(of: name, in: self.client.namespace)
    }
}
