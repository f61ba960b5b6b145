import NIOCore
import NIOSSL
import NIOTLS

/// Stands between TLS and the local leg: says what became of the handshake, and takes a missing goodbye for an end.
final class LocalHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Why a handshake that worked is of no use.
    struct WrongProtocol: Error, CustomStringConvertible {
        let wanted: String
        let chosen: String?

        var description: String { "it does not speak \(self.wanted)\(self.chosen.map { ", but \($0)" } ?? "")" }
    }

    private let wanted: String?
    private var done: EventLoopPromise<Void>?
    /// Succeeds when bytes may flow.
    let outcome: EventLoopFuture<Void>

    init(expecting applicationProtocol: String?, done: EventLoopPromise<Void>) {
        self.wanted = applicationProtocol
        self.done = done
        self.outcome = done.futureResult
    }

    private func finish(_ result: Result<Void, any Error>) {
        let done = self.done
        self.done = nil
        done?.completeWith(result)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let chosen) = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        // HTTP/2 needs both ends' word for it (RFC 9113 section 3.2); HTTP/1.1 is what a server without ALPN speaks.
        if let wanted = self.wanted, let wrong = Self.mismatch(wanted, chosen) {
            self.finish(.failure(wrong))
        } else {
            self.finish(.success(()))
        }
    }

    private static func mismatch(_ wanted: String, _ chosen: String?) -> WrongProtocol? {
        chosen == wanted || (chosen == nil && wanted != "h2") ? nil : WrongProtocol(wanted: wanted, chosen: chosen)
    }

    /// Many local servers just close: their end is passed on as one, and what is missing HTTP's own framing tells.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finish(.failure(error))
        if case .uncleanShutdown = error as? NIOSSLError { return }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.failure(ChannelError.eof))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish(.failure(ChannelError.eof))
    }
}
