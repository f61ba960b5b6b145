import KubernetesModel
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The WebSocket handshake of NIOWebSocket, without its frame codec: ours hands payloads on as they come.
///
/// Its result is whether the connection was upgraded: true, whenever it gets that far.
final class WebSocketUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    typealias UpgradeResult = Bool

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    private let handshake = NIOTypedWebSocketClientUpgrader<Void> { channel, _ in
        channel.eventLoop.makeSucceededVoidFuture()
    }
    private let subprotocol: String
    private let install: @Sendable (any Channel) throws -> Void

    /// - Parameters:
    ///   - subprotocol: the only one offered; a server that does not choose it is refused.
    ///   - install: sets up the pipeline behind the HTTP handlers.
    init(subprotocol: String, install: @escaping @Sendable (any Channel) throws -> Void) {
        self.subprotocol = subprotocol
        self.install = install
    }

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
        self.handshake.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
        upgradeRequestHeaders.add(name: "Sec-WebSocket-Protocol", value: self.subprotocol)
    }

    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
        self.handshake.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
    }

    func upgrade(channel: any Channel, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<Bool> {
        let chosen = upgradeResponse.headers[canonicalForm: "Sec-WebSocket-Protocol"].map { String($0) }
        return channel.eventLoop.makeCompletedFuture {
            guard chosen == [self.subprotocol] else {
                throw KubernetesError(
                    .unsupported,
                    "the API server does not offer \(self.subprotocol) for this (it chose: \(chosen.joined(separator: ", ")))"
                )
            }
            try self.install(channel)
            return true
        }
    }
}
