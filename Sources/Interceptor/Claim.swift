import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// Makes a replica's Pod one more owner of what the replica needs to put the Service back.
///
/// Whoever deletes the Session has the garbage collector delete all that it owns, the replica's own permissions among
/// it, and that can be faster than the replica's restore. What has several owners goes with the last of them
/// (kubernetes.io, "Garbage Collection"), and a Pod is there until its process has ended. The decoy stays as long, for
/// connections that still come while kube-proxy learns of the restore.
struct Claim: Sendable {
    let client: KubernetesClient
    let names: InterceptNames
    let pod: InterceptorRun.Identity

    private var objects: [(type: ResourceType, name: String)] {
        [
            (.services, self.names.decoy), (.serviceAccounts, self.names.interceptor),
            (.roles, self.names.interceptor), (.roleBindings, self.names.interceptor),
        ]
    }

    /// Adds the Pod to each object's owners.
    ///
    /// An object that is not there or has no owner was not made for this Session alone, and stays anyway.
    ///
    /// - Throws: the first refusal, after all were tried; `KubernetesError` otherwise.
    func make() async throws {
        var refusal: KubernetesError?
        let owner = InterceptorPod(uid: self.pod.uid, name: self.pod.name, isReady: false, isLive: true).ownerReference
        for (type, name) in self.objects {
            do {
                _ = try await self.client.resources(type, in: self.names.namespace)
                    .patch(name, .json([.add("/metadata/ownerReferences/-", owner)]))
            } catch let error as KubernetesError where error.isNotFound || error.isInvalid {
                continue
            } catch let error as KubernetesError where error.isForbidden {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }
}
