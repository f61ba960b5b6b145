public import KubernetesClient
public import KubernetesModel
public import NIOCore

/// A transport over another one: what it does not do itself, that one does.
public protocol WrappingTransport: KubernetesTransport {
    /// The transport below.
    var base: any KubernetesTransport { get }
}

extension WrappingTransport {
    /// The two ends of the transport below.
    public var peer: TransportPeer { self.base.peer }

    /// Opens what the transport below opens.
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        try await self.base.upgrade(request, subprotocol: subprotocol, on: eventLoop, configure: configure)
    }

    /// Leaves the transport below alone: others use it.
    public func shutdown() async throws {}
}
