import KubernetesModel

extension Diagnosis {
    /// Service meshes whose proxies stand between the callers, the interceptor and the original.
    static func meshes(_ seen: Surroundings) -> [Finding] {
        Mesh.all.compactMap { mesh in
            if let mark = seen.namespace.flatMap(mesh.mark) {
                return Finding(
                    mesh.stops ? .stops : .hurts,
                    .mesh,
                    "namespace \(seen.names.namespace) is in the mesh \(mesh.name) (\(mark)), and so will be the "
                        + "interceptor's Pods: \(mesh.effect)",
                    mend: mesh.mend(seen.names)
                )
            }
            let pods = seen.workload.lazy.compactMap { pod in mesh.mark(pod).map { (pod.name, $0) } }
            guard let (pod, mark) = pods.first else { return nil }
            return Finding(
                .hurts,
                .mesh,
                "Pods of \(seen.place) are in the mesh \(mesh.name) (\(pod): \(mark)) and the interceptor's are not: "
                    + "where mutual TLS is required, callers or the original refuse it, and what the mesh encrypts is not "
                    + "read",
                mend: mesh.mend(seen.names)
            )
        }
    }
}

/// How a service mesh shows itself on a namespace and on Pods.
private struct Mesh: Sendable {
    /// A label or annotation: its key, and the values that say yes; empty for any.
    struct Mark: Sendable {
        var key: String
        var values: Set<String>
    }

    var name: String
    var labels: [Mark] = []
    var annotations: [Mark] = []
    /// The proxy's container.
    var container: String?
    /// What being in it does to an interceptor.
    var effect = "a proxy in each decides what it reads and where its connections go"
    /// Whether an interceptor in it does not start.
    var stops = false
    /// How to get along, `NAMESPACE` standing for the namespace.
    var pause: String

    /// What shows that the object is in this mesh; nil when nothing does.
    func mark(_ object: DynamicObject) -> String? {
        // What switches Istio's injection off wins over what names a revision.
        if object.labels["istio-injection"] == "disabled" { return nil }
        func find(_ marks: [Mark], in values: [String: String], _ kind: String) -> String? {
            marks.lazy.compactMap { mark in
                values[mark.key].flatMap { value in
                    mark.values.isEmpty || mark.values.contains(value) ? "\(kind) \(mark.key)=\(value)" : nil
                }
            }.first
        }
        return find(self.labels, in: object.labels, "label")
            ?? find(self.annotations, in: object.annotations, "annotation")
            ?? self.container.flatMap { object.containerNames.contains($0) ? "container \($0)" : nil }
    }

    func mend(_ names: InterceptNames) -> String {
        self.pause.replacing("NAMESPACE", with: names.namespace)
    }

    static let all: [Mesh] = [
        Mesh(
            name: "Istio",
            labels: [Mark(key: "istio-injection", values: ["enabled"]), Mark(key: "istio.io/rev", values: [])],
            annotations: [Mark(key: "sidecar.istio.io/status", values: [])],
            container: "istio-proxy",
            effect:
                "the proxy that is put into each wants port \(InterceptorConfiguration.adminPort), as the interceptor "
                + "does, and one of them does not start",
            stops: true,
            pause:
                "allow plain text for the original (PeerAuthentication with mode PERMISSIVE), and take the namespace's "
                + "label off while the interceptor starts: kubectl label namespace NAMESPACE istio-injection- istio.io/rev-"
        ),
        Mesh(
            name: "Istio ambient",
            labels: [Mark(key: "istio.io/dataplane-mode", values: ["ambient"])],
            annotations: [Mark(key: "ambient.istio.io/redirection", values: ["enabled"])],
            effect: "its authorization policies and waypoints apply to them",
            pause: "check that authorization policies admit the service account of the interceptor, "
                + "and that a waypoint's routes are not what you want to intercept: kubectl get authorizationpolicies,"
                + "gateways -n NAMESPACE"
        ),
        Mesh(
            name: "Linkerd",
            annotations: [
                Mark(key: "linkerd.io/inject", values: ["enabled", "ingress"]),
                Mark(key: "linkerd.io/proxy-version", values: []),
            ],
            container: "linkerd-proxy",
            pause:
                "take the namespace's annotation off while the interceptor starts, and let the original's Server policy "
                + "admit unauthenticated clients: kubectl annotate namespace NAMESPACE linkerd.io/inject-"
        ),
        Mesh(
            name: "Kuma",
            labels: [Mark(key: "kuma.io/sidecar-injection", values: ["enabled", "true"])],
            annotations: [Mark(key: "kuma.io/sidecar-injected", values: ["true"])],
            container: "kuma-sidecar",
            pause: "take the namespace's label off while the interceptor starts, and let the Mesh's mutual TLS be "
                + "PERMISSIVE: kubectl label namespace NAMESPACE kuma.io/sidecar-injection-"
        ),
        Mesh(
            name: "Consul",
            labels: [Mark(key: "connect-inject", values: ["enabled"])],
            annotations: [
                Mark(key: "consul.hashicorp.com/connect-inject", values: ["true"]),
                Mark(key: "consul.hashicorp.com/connect-inject-status", values: ["injected"]),
            ],
            container: "consul-dataplane",
            pause:
                "let the original's intentions admit callers without an identity, or intercept a Service outside the "
                + "mesh; callers that name an upstream bypass Kubernetes Services altogether"
        ),
    ]
}
