import AsyncHTTPClient
public import KubernetesModel
public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Talks to a real API server: AsyncHTTPClient for requests and watches, a NIO client of its own for port-forwards.
///
/// HTTP/1.1 only, one connection a watch: on a shared HTTP/2 connection one dead peer would stall every watch at once.
public struct LiveTransport: KubernetesTransport {
    /// How long the parts of an exchange may take.
    public struct Limits: Sendable {
        /// Until a connection is up.
        public var connect: TimeAmount = .seconds(10)
        /// Until the head of an answer, and between two pieces of its body.
        public var answer: TimeAmount = .seconds(30)
        /// Silence after which a watch counts as dead. Servers send a bookmark about once a minute.
        public var watchSilence: TimeAmount = .seconds(100)
        /// Until a port-forward is open.
        public var upgrade: TimeAmount = .seconds(15)

        /// The defaults.
        public init() {}
    }

    let connection: ClusterConnection
    let provider: CredentialProvider
    let limits: Limits
    let logger: Logger
    let group: any EventLoopGroup
    private let pools: ConnectionPools
    private let tls: TLSCache

    /// A transport to one API server; dials nothing yet.
    ///
    /// - Parameters:
    ///   - connection: where to, and as whom.
    ///   - limits: time limits.
    ///   - group: the event loops; nil for the process's shared ones.
    ///   - logger: told about every request at debug level; tokens are never logged.
    ///   - notice: told what a credential plugin says while it is waited for.
    /// - Throws: ``KubernetesError`` of code `configuration` when a certificate or key cannot be read.
    public init(
        _ connection: ClusterConnection,
        limits: Limits = Limits(),
        group: (any EventLoopGroup)? = nil,
        logger: Logger = Logger(label: "detour.kubernetes") { _ in SwiftLogNoOpLogHandler() },
        notice: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        self.connection = connection
        let run = ExecRun(logger: logger, notice: notice)
        self.provider = CredentialProvider(connection.credentials, run: { try await run.answer($0) })
        self.limits = limits
        self.logger = logger
        let group = group ?? MultiThreadedEventLoopGroup.singleton
        self.group = group
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        self.tls = try TLSCache(connection)
        configuration.tlsConfiguration = self.tls.initial
        configuration.proxy = connection.proxy?.configuration
        if let identity = ServerIdentity(connection) {
            // Called "debug", but no request is sent on a connection that it fails for.
            configuration.http1_1ConnectionDebugInitializer = { identity.verifyOrClose($0) }
        }
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: limits.connect, read: limits.answer, write: limits.answer)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        if let name = connection.tlsName { configuration.dnsOverride = [name: connection.server.host] }
        self.pools = ConnectionPools(configuration, silence: limits.watchSilence, group: group)
    }

    /// Who is asked, and as whom.
    public var peer: TransportPeer {
        TransportPeer(server: self.connection.serverDescription, user: self.connection.userDescription)
    }

    /// Runs the credential plugin if it is time.
    public func authenticate() async throws {
        _ = try await self.credential()
    }

    /// Sends a request; when its credential is refused and there may be a newer one, once more with that.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let credential = try await self.credential()
        let response = try await self.send(request, with: credential)
        guard response.status == 401, await self.provider.refused(credential) else { return response }
        return try await self.send(request, with: try await self.credential())
    }

    /// The credential to use now; a failure says whose it is.
    func credential() async throws -> Credential {
        do {
            return try await self.provider.current()
        } catch var error as KubernetesError {
            error.message = "no credentials for \(self.peer.user): \(error.message)"
            throw error
        }
    }

    private func send(_ request: KubernetesRequest, with credential: Credential) async throws -> KubernetesResponse {
        var outgoing = HTTPClientRequest(url: self.url(request))
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        outgoing.headers = try self.headers(credential)
        outgoing.headers.add(name: "Accept", value: request.accept)
        if let body = request.body {
            outgoing.headers.add(name: "Content-Type", value: request.contentType)
            outgoing.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        outgoing.tlsConfiguration = try self.tls.configuration(for: credential.identity)
        self.logger.debug("request", metadata: ["request": "\(request.summary)"])
        do {
            let client = self.pools.client(isStream: request.isStream)
            let response = try await client.execute(outgoing, timeout: self.limits.connect + self.limits.answer)
            self.logger.debug(
                "answer",
                metadata: ["request": "\(request.summary)", "status": "\(response.status.code)"]
            )
            return KubernetesResponse(
                status: Int(response.status.code),
                retryAfter: response.headers.first(name: "Retry-After").flatMap { Int($0) },
                body: KubernetesBody(response.body)
            )
        } catch let error as CancellationError {
            throw error
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw ConnectionTrouble.error(error, server: self.peer.server, request: request)
        }
    }

    /// Sends from now on over new connections only, and ends the open streams of requests.
    public func renew() {
        self.pools.renew()
    }

    /// Closes the kept connections. Open port-forwards stay with their owners.
    public func shutdown() async throws {
        try await self.pools.shutdown()
    }
}
