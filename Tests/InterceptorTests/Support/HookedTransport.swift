import KubernetesClient
import KubernetesModel
import KubernetesTestSupport

/// A transport that lets somebody else act right before chosen requests.
struct HookedTransport: WrappingTransport {
    let base: any KubernetesTransport
    let before: @Sendable (KubernetesRequest) async -> Void

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        await self.before(request)
        return try await self.base.send(request)
    }
}
