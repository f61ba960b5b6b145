public import KubernetesModel
public import NIOCore

extension LiveTransport {
    /// Opens a WebSocket. (Being written.)
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        throw KubernetesError(.unsupported, "not yet")
    }
}
