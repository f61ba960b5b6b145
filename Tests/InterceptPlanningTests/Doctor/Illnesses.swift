import KubernetesModel

@testable import InterceptPlanning

extension Illness {
    static let access = [
        Illness("permissions denied", ["stops permission-missing"]) {
            $0.denied = ["create pods/portforward", "get pods/portforward"]
        },
        Illness("definition missing", ["note definition-missing"]) {
            $0.definition = .absent
            $0.home = .resourceOnceDefined
        },
        Illness("definition missing, and not to be made", ["note definition-missing"]) {
            $0.definition = .absent
            $0.home = .configMap
        },
        Illness("permissions denied where the definition is missing", ["stops permission-missing"]) {
            $0.home = .configMap
            $0.denied = ["patch configmaps intercept-shop-leaf"]
        },
        Illness("what the interceptor runs as was made once, and may not do all", ["stops permission-missing"]) {
            let items = Installation.namespace("shop", subjects: [], services: ["leaf"], preparesInterceptors: true)
                .items
            var role = items[1].manifest
            // A rule that an earlier version did not have.
            role["rules"] = .array((role["rules"]?.array ?? []).filter { $0["resources"] != ["endpoints"] })
            $0.identityFault = InstalledIdentity(names: Patient.names, role: role, binding: items[2].manifest)
                .fault(keptAs: .resource)
        },
        Illness("what the interceptor runs as was made once, and may do everything", []) {
            let items = Installation.namespace("shop", subjects: [], services: ["leaf"], preparesInterceptors: true)
                .items
            var role = items[1].manifest
            role["rules"] = [["apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]]]
            $0.identityFault = InstalledIdentity(names: Patient.names, role: role, binding: items[2].manifest)
                .fault(keptAs: .configMap)
        },
        Illness("definition without status", ["hurts definition-old"]) {
            var definition = SessionDefinition.manifest
            var version = definition[path: "spec", "versions"]?[0] ?? [:]
            version["subresources"] = nil
            definition["spec"]?["versions"] = [version]
            $0.definition = .served(definition)
        },
        Illness("definition with more than ours", []) {
            var definition = SessionDefinition.manifest
            var version = definition[path: "spec", "versions"]?[0] ?? [:]
            version["schema"]?["openAPIV3Schema"]?["description"] = "by the server"
            definition["spec"]?["versions"] = [["name": "v2"], version]
            $0.definition = .served(definition)
        },
        Illness("network policies not to be seen", ["note not-seen"]) {
            $0.unseen = [.init(verb: "list", resource: "networkpolicies.networking.k8s.io", reason: "forbidden")]
        },
    ]

    static let services = [
        Illness("ExternalName", ["stops external-name"]) {
            $0.service?["spec"] = ["type": "ExternalName", "externalName": "db.example"]
        },
        Illness("headless", ["stops headless"]) { $0.service?["spec"]?["clusterIP"] = "None" },
        Illness("without selector", ["stops no-selector"]) { $0.service?["spec"]?["selector"] = nil },
        Illness("a UDP and an SCTP port", ["stops port-not-tcp", "stops port-not-tcp"]) {
            $0.service?["spec"]?["ports"] = [
                ["port": 80, "targetPort": "web"], ["port": 53, "protocol": "UDP"], ["port": 7, "protocol": "SCTP"],
            ]
        },
        Illness("local traffic policies", ["stops traffic-policy-local", "stops traffic-policy-local"]) {
            $0.service?["spec"]?["externalTrafficPolicy"] = "Local"
            $0.service?["spec"]?["internalTrafficPolicy"] = "Local"
        },
        Illness("a long name", ["stops name-too-long"]) {
            let name = String(repeating: "l", count: 46)
            $0.names = InterceptNames(namespace: "shop", service: name)
            $0.service = Patient.service(name)
            $0.services = [Patient.service(name)]
        },
        Illness("session affinity", ["hurts session-affinity"]) {
            $0.service?["spec"]?["sessionAffinity"] = "ClientIP"
        },
        Illness("no session affinity", []) { $0.service?["spec"]?["sessionAffinity"] = "None" },
        Illness("topology hints", ["note topology"]) {
            $0.service?["metadata"]?["annotations"] = ["service.kubernetes.io/topology-aware-hints": "auto"]
        },
        Illness("topology hints switched off", []) {
            $0.service?["metadata"]?["annotations"] = ["service.kubernetes.io/topology-mode": "Disabled"]
        },
        Illness("a traffic distribution", ["note topology"]) {
            $0.service?["spec"]?["trafficDistribution"] = "PreferClose"
        },
        Illness("not-ready addresses", ["hurts not-ready-addresses"]) {
            $0.service?["spec"]?["publishNotReadyAddresses"] = true
        },
        Illness(
            "ports that declare HTTP/2, TLS and a database",
            ["hurts protocol-unread", "hurts protocol-unread", "note protocol-http2"]
        ) {
            $0.service?["spec"]?["ports"] = [
                ["port": 80, "targetPort": 8080, "appProtocol": "kubernetes.io/h2c"],
                ["port": 443, "targetPort": 8080, "appProtocol": "https"],
                ["port": 5432, "targetPort": 8080, "appProtocol": "postgres"],
            ]
        },
        Illness("ports whose name or number hints at it", ["note protocol-http2", "note protocol-unread"]) {
            $0.service?["spec"]?["ports"] = [
                ["name": "grpc-api", "port": 80, "targetPort": 8080],
                ["name": "https", "port": 8443, "targetPort": 8080],
            ]
        },
        Illness("a nameless port 443", ["note protocol-unread"]) {
            $0.service?["spec"]?["ports"] = [["port": 443, "targetPort": 8080]]
        },
        Illness("ports that declare HTTP and WebSocket", []) {
            $0.service?["spec"]?["ports"] = [
                ["name": "grpc", "port": 80, "targetPort": 8080, "appProtocol": "http"],
                ["port": 443, "targetPort": 8080, "appProtocol": "kubernetes.io/ws"],
            ]
        },
        Illness("kept by Argo CD", ["hurts gitops"]) {
            $0.service?["metadata"]?["labels"] = ["argocd.argoproj.io/instance": "shop"]
        },
        Illness("kept by Argo CD, by its annotation", ["hurts gitops"]) {
            $0.service?["metadata"]?["annotations"] = ["argocd.argoproj.io/tracking-id": "shop:/Service:shop/leaf"]
        },
        Illness("kept by Flux", ["hurts gitops"]) {
            $0.service?["metadata"]?["labels"] = ["kustomize.toolkit.fluxcd.io/name": "apps"]
        },
        Illness("kept by Flux, which is paused for it", []) {
            $0.service?["metadata"]?["labels"] = ["kustomize.toolkit.fluxcd.io/name": "apps"]
            $0.service?["metadata"]?["annotations"] = ["kustomize.toolkit.fluxcd.io/reconcile": "disabled"]
        },
        Illness("kept by a Flux HelmRelease", ["hurts gitops"]) {
            $0.service?["metadata"]?["labels"] = [
                "helm.toolkit.fluxcd.io/name": "leaf", "app.kubernetes.io/managed-by": "Helm",
            ]
        },
        Illness("written by a GitOps controller", ["hurts gitops"]) {
            $0.service?["metadata"]?["managedFields"] = [
                ["manager": "kubectl"], ["manager": "argocd-application-controller"],
            ]
        },
        Illness("kept by Fleet", ["hurts gitops"]) {
            $0.service?["metadata"]?["labels"] = ["objectset.rio.cattle.io/hash": "1"]
        },
        Illness("installed by Helm", ["note gitops"]) {
            $0.service?["metadata"]?["labels"] = [
                "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop",
            ]
        },
        Illness("labelled with an instance by a person", []) {
            $0.service?["metadata"]?["labels"] = ["app.kubernetes.io/instance": "shop"]
            $0.service?["metadata"]?["managedFields"] = [["manager": "kubectl"]]
        },
    ]

    static let workloads = [
        Illness("no ready Pod", ["stops no-ready-endpoints"]) {
            $0.changeOriginals { $0["status"]?["conditions"] = [["type": "Ready", "status": "False"]] }
        },
        Illness("Pods not to be seen", ["note image-unproven"]) { $0.pods = nil },
        Illness("a port name no Pod has", ["stops port-unresolved"]) {
            $0.service?["spec"]?["ports"] = [["port": 80, "targetPort": "http"]]
        },
        Illness("a second port with a name no Pod has", ["hurts port-unresolved"]) {
            $0.service?["spec"]?["ports"] = [
                ["port": 80, "targetPort": "web"], ["port": 90, "targetPort": "metrics"],
            ]
        },
        Illness("a port name one Pod lacks", ["hurts port-unresolved"]) {
            $0.pods?[0]["spec"]?["containers"] = [["name": "main"]]
        },
        Illness("a port name that is two numbers", ["note port-differs"]) {
            $0.pods?[0] = Patient.pod("leaf-1", app: "leaf", port: 9090)
        },
        Illness("several Services on the workload", ["hurts shared-workload"]) {
            var headless = Patient.service("leaf-direct")
            headless["spec"]?["clusterIP"] = "None"
            $0.services += [Patient.service("leaf-public"), headless]
        },
        Illness("its own decoy, and another's hijacked Service", []) {
            var decoy = Patient.service("interceptor-leaf-decoy")
            decoy["metadata"]?["labels"] = [Marks.sessionLabel: "x"]
            $0.services += [decoy, Patient.service("other", selector: Marks.selector(incarnation: "y"))]
        },
        Illness("one replica", ["note single-replica"]) { $0.pods?.remove(at: 1) },
        Illness("an autoscaler", ["note autoscaler"]) {
            $0.autoscalers = [
                Patient.object(
                    .autoscalers,
                    "leaf",
                    spec: ["scaleTargetRef": ["kind": "Deployment", "name": "leaf"], "minReplicas": 1]
                )
            ]
        },
        Illness("an autoscaler of something else", []) {
            $0.autoscalers = [
                Patient.object(.autoscalers, "core", spec: ["scaleTargetRef": ["kind": "Deployment", "name": "core"]])
            ]
        },
        Illness("no disruption budget", ["note budget-missing"]) { $0.disruptionBudgets = [] },
        Illness("no disruption budget on a server that knows the old version only", ["note budget-missing"]) {
            $0.disruptionBudgets = []
            $0.version = ServerVersion(major: 1, minor: 20, gitVersion: "v1.20.2")
        },
        Illness("disruption budgets not to be seen", []) { $0.disruptionBudgets = nil },
        Illness("a disruption budget that allows nothing", ["note budget-blocked"]) {
            $0.disruptionBudgets?[0]["status"]?["disruptionsAllowed"] = 0
        },
        Illness("a disruption budget for everything", ["hurts budget-overlap"]) {
            $0.disruptionBudgets?[0]["spec"]?["selector"] = [:]
        },
    ]
}
