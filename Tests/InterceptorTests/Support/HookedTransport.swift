import KubernetesClient
import KubernetesModel
import NIOCore

/// A transport that lets somebody else act right before chosen requests.
struct HookedTransport: KubernetesTransport {
    let base: any KubernetesTransport
    let before: @Sendable (KubernetesRequest) async -> Void

    var peer: TransportPeer { self.base.peer }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        await self.before(request)
        return try await self.base.send(request)
    }

    func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        try await self.base.upgrade(request, subprotocol: subprotocol, on: eventLoop, configure: configure)
    }

    func shutdown() async throws {}
}
