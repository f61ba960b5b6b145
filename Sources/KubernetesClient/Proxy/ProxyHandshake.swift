import AsyncHTTPClient
import KubernetesModel
import NIOCore
import NIOSOCKS

/// Asks a proxy for a connection to the API server, on a channel that is connected to the proxy.
///
/// When it has succeeded, the channel is as if it had been connected to the API server itself.
struct ProxyHandshake: Sendable {
    let proxy: ProxyServer
    let target: ServerAddress
    let limit: TimeAmount

    /// Runs on the channel's event loop. A failure closes the channel.
    func run(on channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let timeout = channel.eventLoop.scheduleTask(in: self.limit) { promise.fail(ProxyRefusal("no answer in time")) }
        do {
            switch self.proxy.kind {
            case .http(let login):
                try channel.pipeline.syncOperations.addHandler(
                    ConnectHandler(target: self.target.authority, login: login, promise: promise)
                )
            case .socks5:
                let client = SOCKSClientHandler(targetAddress: self.socksAddress)
                try channel.pipeline.syncOperations.addHandlers(client, SOCKSOutcome(client, promise: promise))
            }
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
            .always { _ in timeout.cancel() }
            .flatMapErrorThrowing { error in
                channel.close(promise: nil)
                throw KubernetesError(
                    .unreachable,
                    "the proxy \(self.proxy) gives no connection to \(self.target): \(Self.describe(error))",
                    cause: error
                )
            }
    }

    private var socksAddress: SOCKSAddress {
        if let address = try? SocketAddress(ipAddress: self.target.host, port: self.target.port) {
            return .address(address)
        }
        return .domain(self.target.host, port: self.target.port)
    }

    private static func describe(_ error: any Error) -> String {
        if let refusal = error as? ProxyRefusal { return refusal.message }
        return self.complaint(error).map { "it \($0)" } ?? ConnectionTrouble.describe(error)
    }

    /// Why a proxy gives no connection, to be said of it, whoever has asked it; nil for what is not about a proxy.
    static func complaint(_ error: any Error) -> String? {
        switch error {
        case let error as HTTPClientError where error == .proxyAuthenticationRequired: ConnectHandler.needsLogin
        case let error as HTTPClientError where error == .invalidProxyResponse: "refuses the connection"
        case let error as HTTPClientError
        where error == .httpProxyHandshakeTimeout || error == .socksHandshakeTimeout:
            "does not answer in time"
        case let error as SOCKSError.ConnectionFailed: "says \(Self.describe(error.reply))"
        case is SOCKSError.NoValidAuthenticationMethod: "asks for a login, which is not supported for SOCKS"
        case is SOCKSError.InvalidProtocolVersion: "does not speak SOCKS version 5"
        default: nil
        }
    }

    /// The words of RFC 1928 section 6.
    private static func describe(_ reply: SOCKSServerReply) -> String {
        switch reply {
        case .notAllowed: "that it is not allowed by its rules"
        case .networkUnreachable: "network unreachable"
        case .hostUnreachable: "host unreachable"
        case .refused: "connection refused"
        case .ttlExpired: "no answer"
        default: "that it failed (code \(reply.value))"
        }
    }
}

/// Why a proxy gave no connection.
struct ProxyRefusal: Error, Hashable {
    var message: String

    init(_ message: String) { self.message = message }
}

/// Waits for the end of a SOCKS handshake, and takes both handlers out.
private final class SOCKSOutcome: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private let client: SOCKSClientHandler
    private let promise: EventLoopPromise<Void>

    init(_ client: SOCKSClientHandler, promise: EventLoopPromise<Void>) {
        self.client = client
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is SOCKSProxyEstablishedEvent else { return context.fireUserInboundEventTriggered(event) }
        let pipeline = context.pipeline.syncOperations
        let removed = pipeline.removeHandler(self.client)
        removed.assumeIsolated().flatMap { pipeline.removeHandler(self) }.nonisolated().cascade(to: self.promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(ProxyRefusal("it closed the connection"))
        context.fireChannelInactive()
    }
}
