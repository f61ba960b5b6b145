import KubernetesClient
import KubernetesModel
import NIOCore
import Synchronization

/// What a server refused: a steward only logs it and goes on.
final class Refusals: Sendable {
    private let requests = Mutex<[String]>([])

    var all: [String] { self.requests.withLock { $0 } }

    func add(_ request: KubernetesRequest) {
        self.requests.withLock { $0.append(request.summary) }
    }
}

/// A transport that remembers what is refused for want of permission.
struct Watched: KubernetesTransport {
    let base: any KubernetesTransport
    let refusals: Refusals

    var peer: TransportPeer { self.base.peer }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let response = try await self.base.send(request)
        if response.status == 403 { self.refusals.add(request) }
        return response
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
