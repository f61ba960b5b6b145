import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
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
struct Watched: WrappingTransport {
    let base: any KubernetesTransport
    let refusals: Refusals

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let response = try await self.base.send(request)
        if response.status == 403 { self.refusals.add(request) }
        return response
    }
}
