public import KubernetesModel
public import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension LiveTransport {
    /// Opens a WebSocket on a connection of its own.
    ///
    /// The pipeline is TLS, the frame handler, then what `configure` adds. Bytes that follow the server's answer at once
    /// are held until `configure` has run.
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let credential = try await self.provider.current()
        do {
            return try await self.upgrade(request, subprotocol, credential, eventLoop, configure)
        } catch let error as KubernetesError where error.isUnauthorized {
            guard await self.provider.refused(credential) else { throw error }
            let renewed = try await self.provider.current()
            return try await self.upgrade(request, subprotocol, renewed, eventLoop, configure)
        }
    }

    private func upgrade(
        _ request: KubernetesRequest,
        _ subprotocol: String,
        _ credential: Credential,
        _ eventLoop: (any EventLoop)?,
        _ configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        let attempt = try UpgradeAttempt(self, request, subprotocol, credential, configure)
        let channel: any Channel
        do {
            let server = self.connection.server
            channel = try await ClientBootstrap(group: eventLoop ?? self.group)
                .connectTimeout(self.limits.connect)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: server.host, port: server.port)
                .get()
        } catch {
            throw ConnectionTrouble.error(error, server: self.peer.server, request: request)
        }
        return try await withTaskCancellationHandler {
            try await channel.eventLoop.flatSubmit { attempt.run(on: channel) }.get()
            return channel
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// One try to upgrade one connection.
struct UpgradeAttempt: Sendable {
    private let transport: LiveTransport
    private let request: KubernetesRequest
    private let head: HTTPRequestHead
    private let upgrader: WebSocketUpgrader
    private let tls: NIOSSLContext?

    init(
        _ transport: LiveTransport,
        _ request: KubernetesRequest,
        _ subprotocol: String,
        _ credential: Credential,
        _ configure: @escaping @Sendable (any Channel) throws -> Void
    ) throws {
        self.transport = transport
        self.request = request
        let connection = transport.connection
        self.head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: connection.server.basePath + request.target,
            headers: transport.headers(credential)
        )
        let what = request.segments.suffix(2).first ?? ""
        let port = request.query.first { $0.name == "ports" }?.value ?? ""
        self.upgrader = WebSocketUpgrader(subprotocol: subprotocol) { channel in
            try channel.pipeline.syncOperations.addHandler(PortForwardHandler(what: "pod \(what), port \(port)"))
            try configure(channel)
        }
        self.tls =
            connection.server.isTLS
            ? try NIOSSLContext(configuration: try TLSSettings.make(for: connection, identity: credential.identity)) : nil
    }

    /// Runs on the channel's event loop.
    func run(on channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let server = self.transport.peer.server
        let request = self.request
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls = self.tls {
                let name = self.transport.connection.tlsServerName ?? self.transport.connection.server.host
                try pipeline.addHandler(
                    NIOSSLClientHandler(context: tls, serverHostname: name.isIPAddress ? nil : name)
                )
            }
            let watcher = UpgradeGuard(promise) { ConnectionTrouble.error($0, server: server, request: request) }
            try pipeline.addHandler(watcher)
            let upgraded = try pipeline.configureUpgradableHTTPClientPipeline(configuration: self.configuration(promise))
            upgraded.assumeIsolated().whenComplete { result in
                switch result {
                case .success(let isUpgraded):
                    if isUpgraded { promise.succeed() }
                    // Once the upgrade handler has let go, which it does right after this.
                    channel.eventLoop.assumeIsolated().execute {
                        if let context = try? pipeline.context(handler: watcher) { watcher.release(context) }
                    }
                case .failure(let error):
                    promise.fail(ConnectionTrouble.error(error, server: server, request: request))
                    channel.close(promise: nil)
                }
            }
        } catch {
            promise.fail(ConnectionTrouble.error(error, server: server, request: request))
            channel.close(promise: nil)
        }
        let timeout = channel.eventLoop.scheduleTask(in: self.transport.limits.upgrade) {
            promise.fail(
                KubernetesError(.timeout, "\(server) did not answer in time", request: request.summary)
            )
            channel.close(promise: nil)
        }
        return promise.futureResult.always { _ in timeout.cancel() }
    }

    private func configuration(
        _ promise: EventLoopPromise<Void>
    ) -> NIOUpgradableHTTPClientPipelineConfiguration<Bool> {
        let transport = self.transport
        let request = self.request
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<Bool>(
            upgradeRequestHead: self.head,
            upgraders: [self.upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeCompletedFuture {
                    let refused = RefusedUpgrade(promise) { head, body in
                        transport.refusal(
                            KubernetesResponse(status: Int(head.status.code), body: KubernetesBody([])),
                            body,
                            request
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(refused)
                    return false
                }
            }
        )
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
        configuration.leftOverBytesStrategy = .forwardBytes
        return configuration
    }
}

extension String {
    /// Whether this is an address rather than a name; addresses are never sent as SNI.
    fileprivate var isIPAddress: Bool {
        (try? SocketAddress(ipAddress: self, port: 0)) != nil
    }
}
