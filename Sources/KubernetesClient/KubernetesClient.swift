public import KubernetesModel
public import Logging
public import NIOCore

/// A client of one API server: objects by resource type, and the few questions Detour asks the server itself.
///
/// A value: copy it freely. Whoever made it calls ``shutdown()`` once.
public struct KubernetesClient: Sendable {
    /// The default namespace.
    public var namespace: String
    let sender: RequestSender
    private let discovered = DiscoveryCache()

    /// A client over a transport.
    ///
    /// - Parameters:
    ///   - transport: the way to the API server.
    ///   - namespace: the default namespace.
    ///   - policy: how often, and for how long, something is tried.
    public init(transport: any KubernetesTransport, namespace: String, policy: RetryPolicy = RetryPolicy()) {
        self.namespace = namespace
        self.sender = RequestSender(transport: transport, policy: policy)
    }

    /// A client of a real API server; dials nothing yet.
    ///
    /// - Parameters:
    ///   - connection: where to, and as whom.
    ///   - logger: told about every request at debug level.
    ///   - notice: told in a sentence what the user is waiting for when something takes long.
    /// - Throws: ``KubernetesError`` of code `configuration`.
    public init(
        _ connection: ClusterConnection,
        logger: Logger = Logger(label: "detour.kubernetes") { _ in SwiftLogNoOpLogHandler() },
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        var policy = RetryPolicy()
        policy.notice = notice
        self.init(
            transport: try LiveTransport(connection, logger: logger, notice: notice),
            namespace: connection.namespace,
            policy: policy
        )
    }

    /// The network is another one now, or was gone: connections from before are left, and watches list anew at once,
    /// however long they were to pause.
    public func renew() {
        self.transport.renew()
        self.sender.renewals.renew()
    }

    /// The way to the API server.
    public var transport: any KubernetesTransport { self.sender.transport }

    /// The objects of a type in one namespace, the default one when none is named.
    public func resources(_ type: ResourceType, in namespace: String? = nil) -> ResourceClient {
        ResourceClient(
            sender: self.sender,
            type: type,
            namespace: type.isNamespaced ? namespace ?? self.namespace : nil
        )
    }

    /// The objects of a type in all namespaces: for `list` and `watch`.
    public func allNamespaces(_ type: ResourceType) -> ResourceClient {
        ResourceClient(sender: self.sender, type: type, namespace: nil)
    }

    /// What the server says it is.
    public func version() async throws -> ServerVersion {
        let answer = try await self.sender.json(.version)
        guard let version = ServerVersion(answer) else {
            throw KubernetesError(.protocolViolation, "the API server's version is not readable: \(answer.compact)")
        }
        return version
    }

    /// Whether the server has a resource type in exactly this group version.
    public func serves(_ type: ResourceType) async throws -> Bool {
        if let plurals = self.discovered[type.apiVersion] { return plurals.contains(type.plural) }
        do {
            let answer = try await self.sender.json(.discovery(group: type.group, version: type.version))
            let plurals = (answer["resources"]?.array ?? []).compactMap { $0["name"]?.string }
            // A type that is missing may be installed in a moment: only what is there is remembered.
            guard plurals.contains(type.plural) else { return false }
            self.discovered[type.apiVersion] = Set(plurals)
            return true
        } catch let error as KubernetesError where error.isNotFound {
            return false
        }
    }

    /// Whether the caller may do something (SelfSubjectAccessReview).
    ///
    /// - Parameters:
    ///   - verb: `get`, `create`, …
    ///   - type: the resource.
    ///   - subresource: a part of it, such as `portforward`.
    ///   - name: one object; nil for all of them.
    ///   - namespace: where; nil for the default namespace.
    /// - Returns: the server's answer.
    public func canI(
        _ verb: String,
        _ type: ResourceType,
        subresource: String? = nil,
        name: String? = nil,
        in namespace: String? = nil
    ) async throws -> AccessAnswer {
        let answer = try await self.sender.json(
            .accessReview(verb, type, subresource: subresource, name: name, in: namespace ?? self.namespace)
        )
        guard let allowed = answer[path: "status", "allowed"]?.bool else {
            throw KubernetesError(.protocolViolation, "the API server's access review has no answer")
        }
        return AccessAnswer(allowed: allowed, reason: answer[path: "status", "reason"]?.string ?? "")
    }

    /// Opens a connection to a port of a pod, through the API server and the pod's kubelet.
    ///
    /// The channel's tail takes and gives plain `ByteBuffer`s. It has no half-close: closing the output fails with
    /// `ChannelError.operationUnsupported`. When the pod refuses, a ``KubernetesError`` runs through the pipeline and the
    /// channel closes, after this call has returned.
    ///
    /// - Parameters:
    ///   - pod: the pod's name.
    ///   - namespace: where; nil for the default namespace.
    ///   - port: the port inside the pod; its loopback address is enough.
    ///   - eventLoop: where the channel is to live; nil for any.
    ///   - configure: adds the caller's handlers; runs on the channel's event loop before the first byte is delivered.
    /// - Returns: the channel.
    public func portForward(
        pod: String,
        in namespace: String? = nil,
        port: UInt16,
        on eventLoop: (any EventLoop)? = nil,
        configure: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws -> any Channel {
        try await self.sender.transport.upgrade(
            .portForward(pod: pod, in: namespace ?? self.namespace, port: port),
            subprotocol: "v4.channel.k8s.io",
            on: eventLoop,
            configure: configure
        )
    }

    /// Closes the connections that are kept. To be called once, at the end.
    public func shutdown() async throws {
        try await self.sender.transport.shutdown()
    }
}
