import KubernetesModel

@testable import InterceptPlanning

extension Illness {
    static let images = [
        Illness("an image nobody has run here", ["note image-unproven"]) { $0.pods?.removeLast() },
        Illness("an image of another version", ["hurts image-version", "note image-unproven"]) {
            $0.image = "registry.example/team/detour:v0.2.0"
        },
        Illness("an image whose tag is no version", ["note image-unproven"]) {
            $0.image = "registry.example:5000/team/detour:1"
        },
        Illness("an interceptor whose image cannot be pulled", ["stops image-pull", "note session-active"]) {
            $0.session = try Patient.session()
            $0.pods?.append(
                Patient.interceptorPod(waiting: ["reason": "ImagePullBackOff", "message": "401 Unauthorized"])
            )
        },
        Illness("an interceptor that does not start", ["stops interceptor-not-starting", "note session-active"]) {
            $0.session = try Patient.session()
            $0.pods?.append(
                Patient.interceptorPod(waiting: ["reason": "CrashLoopBackOff", "message": "back-off 10s"])
            )
        },
        Illness("an interceptor that no node takes", ["stops interceptor-not-starting", "note session-active"]) {
            $0.session = try Patient.session()
            var pod = Patient.interceptorPod(waiting: [:])
            pod["status"]?["conditions"] = [
                [
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": "0/1 nodes are available: 1 node(s) were unschedulable.",
                ]
            ]
            $0.pods?.append(pod)
        },
        Illness("an interceptor that is still starting", ["note session-active"]) {
            $0.session = try Patient.session()
            $0.pods?.append(Patient.interceptorPod(waiting: ["reason": "ContainerCreating"]))
        },
        Illness("an interceptor whose Pods are refused", ["stops interceptor-refused", "note session-active"]) {
            $0.session = try Patient.session()
            $0.interceptor = Patient.object(
                .deployments,
                "interceptor-leaf",
                status: [
                    "conditions": [
                        ["type": "ReplicaFailure", "status": "True", "message": "admission webhook \"x\" denied it"]
                    ]
                ]
            )
        },
        Illness("a server before 1.20", ["hurts server-version"]) {
            $0.version = ServerVersion(major: 1, minor: 19, gitVersion: "v1.19.16")
        },
        Illness("a server after 1.36", ["hurts server-version"]) {
            $0.version = ServerVersion(major: 1, minor: 37, gitVersion: "v1.37.0")
        },
        Illness("the oldest server", []) {
            $0.version = ServerVersion(major: 1, minor: 20, gitVersion: "v1.20.2")
        },
        Illness("the newest server", []) {
            $0.version = ServerVersion(major: 1, minor: 36, gitVersion: "v1.36.4")
        },
    ]

    static let meshes = [
        Illness("Istio in the namespace", ["stops mesh"]) {
            $0.namespace?["metadata"]?["labels"]?["istio-injection"] = "enabled"
        },
        Illness("Istio by revision", ["stops mesh"]) {
            $0.namespace?["metadata"]?["labels"]?["istio.io/rev"] = "1-20"
        },
        Illness("Istio switched off", []) {
            $0.namespace?["metadata"]?["labels"]?["istio-injection"] = "disabled"
        },
        Illness("Istio's proxy in the Pods", ["hurts mesh"]) {
            $0.changeOriginals {
                let main = $0[path: "spec", "containers"]?[0] ?? [:]
                $0["spec"]?["containers"] = [main, ["name": "istio-proxy"]]
            }
        },
        Illness("Istio's proxy as a native sidecar", ["hurts mesh"]) {
            $0.changeOriginals {
                $0["spec"]?["initContainers"] = [["name": "istio-proxy", "restartPolicy": "Always"]]
            }
        },
        Illness("Istio ambient", ["hurts mesh"]) {
            $0.namespace?["metadata"]?["labels"]?["istio.io/dataplane-mode"] = "ambient"
        },
        Illness("Istio ambient for one Pod", ["hurts mesh"]) {
            $0.changeOriginals { $0["metadata"]?["annotations"] = ["ambient.istio.io/redirection": "enabled"] }
        },
        Illness("Linkerd in the namespace", ["hurts mesh"]) {
            $0.namespace?["metadata"]?["annotations"] = ["linkerd.io/inject": "enabled"]
        },
        Illness("Linkerd's proxy in the Pods", ["hurts mesh"]) {
            $0.changeOriginals { $0["metadata"]?["annotations"] = ["linkerd.io/proxy-version": "stable"] }
        },
        Illness("Kuma", ["hurts mesh"]) {
            $0.namespace?["metadata"]?["labels"]?["kuma.io/sidecar-injection"] = "enabled"
        },
        Illness("Consul", ["hurts mesh"]) {
            $0.changeOriginals { $0["metadata"]?["annotations"] = ["consul.hashicorp.com/connect-inject": "true"] }
        },
        Illness("a mesh around other Pods only", []) {
            $0.pods?[2]["metadata"]?["annotations"] = ["consul.hashicorp.com/connect-inject": "true"]
        },
    ]

    static let sessions = [
        Illness("intercepted already", ["note session-active"]) {
            $0.session = try Patient.session()
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
        },
        Illness("intercepted with another image", ["note session-active", "note session-image"]) {
            $0.session = try Patient.session { $0.settings.image = "registry.example/detour:2" }
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
        },
        Illness("an intercept that is ending", ["hurts session-closing"]) {
            $0.session = try Patient.session {
                $0.phase = .closing
                $0.closeReason = "ada@laptop closed the session"
            }
        },
        Illness("a session of a Service made anew", ["hurts session-stale"]) {
            $0.session = try Patient.session { $0.serviceUID = "an older one" }
        },
        Illness("a session whose interceptor is gone", ["hurts session-stale"]) {
            $0.session = try Patient.session()
            $0.service = try Patient.hijacked()
        },
        Illness("a session without routes", ["hurts session-stale"]) {
            $0.session = try Patient.session { $0.routes = [] }
        },
        Illness("a session that was edited by hand", ["stops session-damaged"]) {
            $0.session = try Patient.session()
            $0.session?["spec"]?["serviceUID"] = nil
        },
        Illness("two sessions", ["stops session-twice"]) {
            $0.session = try Patient.session()
            $0.secondSession = try DynamicObject(
                Patient.session { $0.kind = .configMap }.json.merging(["kind": "ConfigMap"])
            )
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
        },
        Illness("a hijack whose session may be in a ConfigMap that may not be read", ["note not-seen"]) {
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
            $0.unseen = [.init(verb: "get", resource: "configmaps", reason: "forbidden")]
        },
        Illness("a hijack whose session may not be read", ["note not-seen"]) {
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
            $0.unseen = [.init(verb: "get", resource: "sessions.detour.dev", reason: "forbidden")]
        },
        Illness("a hijack of which nothing else is left", ["stops hijacked-without-session"]) {
            $0.service = try Patient.hijacked()
            $0.service?["metadata"]?["annotations"] = nil
        },
        Illness("a hijack that only its decoy remembers", ["stops hijacked-without-session"]) {
            $0.service = try Patient.hijacked()
            $0.service?["metadata"]?["annotations"] = nil
            var decoy = Patient.service("interceptor-leaf-decoy")
            decoy["metadata"]?["labels"] = [Marks.sessionLabel: .string(Sample.incarnation)]
            $0.services.append(decoy)
        },
        Illness("a hijack without its session", ["stops hijacked-without-session"]) {
            $0.service = try Patient.hijacked()
            $0.pods?.append(Patient.interceptorPod())
        },
    ]
}
