import InterceptPlanning
import KubernetesModel

/// The container of a Service's Pods that answers one of its ports.
struct WorkloadContainer: Sendable, Hashable {
    /// The Pod.
    var pod: DynamicObject
    /// The container, as it stands in the Pod's `spec.containers`.
    var json: JSONValue

    /// Its name.
    var name: String { self.json["name"]?.string ?? "" }

    /// Finds the container: the one that declares the port's `targetPort`, else the Pod's default one, else its first.
    ///
    /// - Parameters:
    ///   - pods: those the Service selects; ready ones are preferred, and such as end are passed over.
    ///   - port: the Service's port, as it stands in `spec.ports`.
    init?(pods: [DynamicObject], port: JSONValue) {
        let live = pods.filter { !$0.isTerminating }
        guard let pod = live.first(where: { InterceptorPod($0).isReady }) ?? live.first else { return nil }
        let containers = pod[path: "spec", "containers"]?.array ?? []
        let target = port["targetPort"] ?? port["port"]
        let owner = containers.first { container in
            (container["ports"]?.array ?? []).contains { declared in
                target?.integer.map { declared["containerPort"]?.integer == $0 }
                    ?? (declared["name"]?.string == target?.string)
            }
        }
        let standard = pod.annotations["kubectl.kubernetes.io/default-container"]
        guard let json = owner ?? containers.first(where: { $0["name"]?.string == standard }) ?? containers.first else {
            return nil
        }
        self.pod = pod
        self.json = json
    }
}
