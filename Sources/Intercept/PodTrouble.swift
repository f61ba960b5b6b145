import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Why an interceptor Pod does not start, in the words of the cluster, with the mend.
struct PodTrouble: Sendable {
    let client: KubernetesClient
    let namespace: String
    let image: String

    /// The trouble that will not pass by itself, or nil while there is hope.
    func find(deployment: String, podQuery: String) async throws -> InterceptError? {
        for pod in try await self.client.resources(.pods, in: self.namespace).list(labels: podQuery).items {
            if let trouble = try await self.trouble(of: pod) { return trouble }
        }
        return try await self.refusal(deployment: deployment)
    }

    private func trouble(of pod: DynamicObject) async throws -> InterceptError? {
        guard let waiting = WaitingReason(of: pod) else { return nil }
        guard !waiting.isImagePull else {
            return InterceptError(.imagePull, await self.imageMessage(pod, waiting.reason, waiting.message))
        }
        return InterceptError(
            .notReady,
            "the interceptor's Pod \(pod.name) does not start (\(waiting.reason)): \(waiting.message). "
                + "See kubectl logs \(pod.name) -n \(self.namespace) --previous"
        )
    }

    private func imageMessage(_ pod: DynamicObject, _ reason: String, _ message: String) async -> String {
        let events = try? await self.client.resources(.events, in: self.namespace)
            .list(fields: "involvedObject.uid=\(pod.uid),type=Warning")
        // The first event carries the registry's answer; later ones only say that it is tried again.
        let texts = (events?.items ?? []).compactMap { $0["message"]?.string }
        let text = texts.first { $0.contains("pull") && $0.count > 40 } ?? (message.isEmpty ? reason : message)
        return """
            the cluster cannot pull the interceptor's image \(self.image) (\(reason)): \(text)
            Give the cluster the image, from this very program:
              detour image push REGISTRY/NAME     and then: detour intercept … --image REGISTRY/NAME
              detour image save FILE              and load FILE on the nodes (ctr -n k8s.io images import FILE)
            """
    }

    /// Quota, Pod security and admission webhooks refuse Pods where only the Deployment's condition shows it.
    private func refusal(deployment: String) async throws -> InterceptError? {
        let object = try await self.client.resources(.deployments, in: self.namespace).find(deployment)
        let conditions = object?[path: "status", "conditions"]?.array ?? []
        let failure = conditions.first { $0["type"]?.string == "ReplicaFailure" && $0["status"]?.string == "True" }
        guard let failure else { return nil }
        return InterceptError(
            .notReady,
            "the cluster refuses the interceptor's Pods: \(failure["message"]?.string ?? "no reason given")"
        )
    }
}
