public import KubernetesModel
public import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NetworkAddress

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
        let credential = try await self.credential()
        do {
            return try await self.upgrade(request, subprotocol, credential, eventLoop, configure)
        } catch let error as KubernetesError where error.isUnauthorized {
            guard await self.provider.refused(credential) else { throw error }
            let renewed = try await self.credential()
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
        let connected = self.connect(on: eventLoop)
        let opened = connected.flatMap { channel in
            guard let proxy = self.connection.proxy else { return attempt.run(on: channel).map { channel } }
            return ProxyHandshake(proxy: proxy, target: self.connection.server, limit: self.limits.connect)
                .run(on: channel).flatMap { attempt.run(on: channel) }.map { channel }
        }
        // Cancelled at once, wherever it hangs: in a lookup, a connect, or in TLS's goodbye to a server that is not there.
        let promise = connected.eventLoop.makePromise(of: (any Channel).self)
        opened.cascade(to: promise)
        promise.futureResult.whenFailure { _ in connected.whenSuccess { $0.close(promise: nil) } }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(CancellationError())
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ConnectionTrouble.error(error, server: self.peer.server, request: request)
        }
    }

    private func connect(on eventLoop: (any EventLoop)?) -> EventLoopFuture<any Channel> {
        let first = self.connection.proxy.map { ($0.host, $0.port) }
        let (host, port) = first ?? (self.connection.server.host, self.connection.server.port)
        return ClientBootstrap(group: eventLoop ?? self.group)
            .connectTimeout(self.limits.connect)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // TLS decrypts all that a turn reads into one buffer, and a slow reader keeps that whole.
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16384, maximum: 131_072)
            )
            .channelOption(.maxMessagesPerRead, value: 1)
            .connect(host: host, port: port)
    }
}

/// One try to upgrade one connection.
struct UpgradeAttempt: Sendable {
    private let transport: LiveTransport
    private let request: KubernetesRequest
    private let subprotocol: String
    private let headers: HTTPHeaders
    private let tls: NIOSSLContext?
    private let configure: @Sendable (any Channel) throws -> Void

    init(
        _ transport: LiveTransport,
        _ request: KubernetesRequest,
        _ subprotocol: String,
        _ credential: Credential,
        _ configure: @escaping @Sendable (any Channel) throws -> Void
    ) throws {
        self.transport = transport
        self.request = request
        self.subprotocol = subprotocol
        self.configure = configure
        self.headers = try transport.headers(credential)
        let connection = transport.connection
        self.tls =
            connection.server.isTLS
            ? try NIOSSLContext(configuration: try TLSSettings.make(for: connection, identity: credential.identity))
            : nil
    }

    /// Sets up the pipeline and sends the request; runs on the channel's event loop.
    func run(on channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let server = self.transport.peer.server
        let request = self.request
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls = self.tls {
                let name = self.transport.connection.tlsServerName ?? self.transport.connection.server.host
                // Addresses are never sent as SNI.
                try pipeline.addHandler(
                    NIOSSLClientHandler(context: tls, serverHostname: IPAddress(name) == nil ? name : nil)
                )
            }
            if let identity = ServerIdentity(self.transport.connection) {
                let handshake = channel.eventLoop.makePromise(of: Void.self)
                try pipeline.addHandler(HandshakeEnd(promise: handshake))
                handshake.futureResult.flatMapThrowing {
                    // Not before: the request has the token in it.
                    try identity.verify(channel)
                    try self.ask(channel, promise)
                }
                .whenFailure { error in
                    promise.fail(ConnectionTrouble.error(error, server: server, request: request))
                    channel.close(promise: nil)
                }
            } else {
                try self.ask(channel, promise)
            }
        } catch {
            promise.fail(ConnectionTrouble.error(error, server: server, request: request))
            channel.close(promise: nil)
        }
        let timeout = channel.eventLoop.scheduleTask(in: self.transport.limits.upgrade) {
            promise.fail(KubernetesError(.timeout, "\(server) did not answer in time", request: request.summary))
            channel.close(promise: nil)
        }
        return promise.futureResult.always { _ in timeout.cancel() }
    }

    /// Sends the request; runs on the channel's event loop.
    private func ask(_ channel: any Channel, _ promise: EventLoopPromise<Void>) throws {
        try channel.pipeline.syncOperations.addHandler(
            UpgradeHandler(
                target: self.transport.connection.server.basePath + self.request.target,
                headers: self.headers,
                subprotocol: self.subprotocol,
                delegate: self.delegate,
                promise: promise
            )
        )
    }

    private var delegate: UpgradeHandler.Delegate {
        let pod = self.request.segments.dropLast().last ?? ""
        let isCommand = self.request.segments.last == "exec"
        let part = self.request.query.first { $0.name == (isCommand ? "container" : "ports") }?.value ?? ""
        return UpgradeHandler.Delegate(
            install: { channel in
                let pipeline = channel.pipeline.syncOperations
                if isCommand {
                    try pipeline.addHandler(ExecHandler(what: "pod \(pod), container \(part)"))
                } else {
                    try pipeline.addHandler(PortForwardHandler(what: "pod \(pod), port \(part)"))
                }
                try self.configure(channel)
            },
            refuse: { head, body in
                let response = KubernetesResponse(status: Int(head.status.code), body: KubernetesBody([]))
                return self.transport.refusal(response, body, self.request)
            },
            explain: { ConnectionTrouble.error($0, server: self.transport.peer.server, request: self.request) }
        )
    }
}
