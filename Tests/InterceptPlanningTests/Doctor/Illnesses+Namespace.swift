import KubernetesModel

@testable import InterceptPlanning

extension Illness {
    private static let toEverything: JSONValue = [[:]]

    /// A policy that admits to the original and the interceptor whatever comes from namespaces with these labels.
    private static func admitting(namespaces labels: JSONValue) -> DynamicObject {
        Patient.policy("namespaces", ["ingress": [["from": [["namespaceSelector": ["matchLabels": labels]]]]]])
    }

    static let policies = [
        Illness(
            "everything is denied by default",
            ["stops policy-original", "stops policy-original", "stops policy-api-server"]
        ) {
            // Nobody reaches the original today either: there are no callers to lose.
            $0.networkPolicies = [Patient.policy("deny", ["policyTypes": ["Ingress", "Egress"]])]
        },
        Illness("callers are admitted to the original only", ["stops policy-callers", "stops policy-original"]) {
            $0.networkPolicies = [
                Patient.policy("deny", ["policyTypes": ["Ingress"]]),
                Patient.policy(
                    "leaf",
                    app: "leaf",
                    [
                        "ingress": [
                            [
                                "from": [["podSelector": ["matchLabels": ["app": "core"]]]],
                                "ports": [["port": "web"]],
                            ]
                        ]
                    ]
                ),
            ]
        },
        Illness("another namespace is admitted to the original only", ["stops policy-callers"]) {
            let peer: JSONValue = ["namespaceSelector": ["matchLabels": ["team": "front"]]]
            $0.networkPolicies = [
                Patient.policy("deny", ["ingress": [["from": [["podSelector": [:]]]]]]),
                Patient.policy("front", app: "leaf", ["ingress": [["from": [peer], "ports": [["port": 8080]]]]]),
            ]
        },
        Illness("a second port that leads nowhere is nobody's loss", ["stops policy-callers", "hurts port-unresolved"])
        {
            $0.service?["spec"]?["ports"] = [
                ["port": 80, "targetPort": "web"], ["port": 90, "targetPort": "metrics"],
            ]
            $0.networkPolicies = [
                Patient.policy("deny", app: "interceptor", ["ingress": []])
            ]
        },
        Illness("everybody here is admitted to everything", []) {
            $0.networkPolicies = [Patient.policy("open", ["ingress": [["from": [["podSelector": [:]]]]]])]
        },
        Illness("the interceptor is admitted as the original is", []) {
            let callers: JSONValue = ["podSelector": ["matchLabels": ["app": "core"]]]
            let interceptor: JSONValue = ["podSelector": ["matchLabels": ["app": "interceptor"]]]
            $0.networkPolicies = [
                Patient.policy("leaf", app: "leaf", ["ingress": [["from": [callers, interceptor]]]]),
                Patient.policy(
                    "interceptor",
                    app: "interceptor",
                    ["ingress": [["from": [callers], "ports": [["port": 15_100, "endPort": 15_110]]]]]
                ),
            ]
        },
        Illness("the original admits its caller by a label", ["stops policy-original"]) {
            $0.networkPolicies = [
                Patient.policy(
                    "leaf",
                    app: "leaf",
                    [
                        "ingress": [
                            [
                                "from": [
                                    [
                                        "podSelector": [
                                            "matchExpressions": [
                                                ["key": "app", "operator": "In", "values": ["core", "web"]]
                                            ]
                                        ]
                                    ]
                                ]
                            ]
                        ]
                    ]
                )
            ]
        },
        Illness("a caller may connect to the original only", ["stops policy-callers"]) {
            $0.networkPolicies = [
                Patient.policy(
                    "core-egress",
                    app: "core",
                    [
                        "policyTypes": ["Egress"],
                        "egress": [
                            ["to": [["podSelector": ["matchLabels": ["app": "leaf"]]]], "ports": [["port": 8080]]]
                        ],
                    ]
                )
            ]
        },
        Illness("a Pod that could not call before", []) {
            $0.networkPolicies = [Patient.policy("core-egress", app: "core", ["policyTypes": ["Egress"]])]
        },
        Illness("egress within the namespace only", ["stops policy-api-server"]) {
            $0.networkPolicies = [
                Patient.policy("inside", ["policyTypes": ["Egress"], "egress": [["to": [["podSelector": [:]]]]]])
            ]
        },
        Illness("the same where the API server's address is not known", ["stops policy-api-server"]) {
            $0.apiServers = []
            $0.networkPolicies = [
                Patient.policy("inside", ["policyTypes": ["Egress"], "egress": [["to": [["podSelector": [:]]]]]])
            ]
        },
        Illness("egress to the API server's block", []) {
            $0.networkPolicies = [
                Patient.policy(
                    "egress",
                    [
                        "policyTypes": ["Egress"],
                        "egress": [
                            ["to": [["podSelector": [:]], ["ipBlock": ["cidr": "192.0.2.0/24"]]]]
                        ],
                    ]
                )
            ]
        },
        Illness("the namespace is admitted by a label that is its own", []) {
            $0.namespace?["metadata"]?["labels"]?["team"] = "shop"
            $0.networkPolicies = [Self.admitting(namespaces: ["team": "shop"])]
        },
        Illness("the namespace is admitted by a label that it does not have", ["stops policy-original"]) {
            $0.networkPolicies = [Self.admitting(namespaces: ["team": "shop"])]
        },
        Illness("the namespace is admitted by a label that may not be read", []) {
            $0.namespace = nil
            $0.networkPolicies = [Self.admitting(namespaces: ["team": "shop"])]
        },
        Illness("it is admitted by one of two labels that may not be read", []) {
            $0.namespace = nil
            $0.networkPolicies = ["front", "shop"].map { Self.admitting(namespaces: ["team": .string($0)]) }
        },
        Illness("another namespace is admitted, by its name; labels may not be read", ["stops policy-original"]) {
            $0.namespace = nil
            $0.networkPolicies = [Self.admitting(namespaces: ["kubernetes.io/metadata.name": "front"])]
        },
        Illness("a caller of this namespace is lost whatever labels it has", ["stops policy-callers"]) {
            $0.namespace = nil
            $0.networkPolicies = [
                Patient.policy("deny", app: "interceptor", ["ingress": []]),
                Patient.policy("leaf-open", app: "leaf", ["ingress": [["from": [["podSelector": [:]]]]]]),
                Patient.policy(
                    "core",
                    app: "core",
                    ["ingress": [["from": [["namespaceSelector": ["matchLabels": ["team": "shop"]]]]]]]
                ),
            ]
        },
        Illness("egress to everything", []) {
            $0.networkPolicies = [Patient.policy("egress", ["policyTypes": ["Egress"], "egress": Self.toEverything])]
        },
    ]

    static let admissions = [
        Illness("Pod security 'restricted'", ["note pod-security"]) {
            $0.namespace?["metadata"]?["labels"]?["pod-security.kubernetes.io/enforce"] = "restricted"
        },
        Illness("Pod security 'privileged'", []) {
            $0.namespace?["metadata"]?["labels"]?["pod-security.kubernetes.io/enforce"] = "privileged"
        },
        Illness("OpenShift's range of users", ["stops openshift-user"]) {
            $0.namespace?["metadata"]?["annotations"] = ["openshift.io/sa.scc.uid-range": "1000650000/10000"]
        },
        Illness("a range of users that has ours", []) {
            $0.namespace?["metadata"]?["annotations"] = ["openshift.io/sa.scc.uid-range": "60000/10000"]
        },
        Illness("a quota of Pods that is used up", ["stops quota"]) {
            $0.quotas = [Patient.quota(["pods": "10"], used: ["pods": "9"])]
        },
        Illness("a quota of ConfigMaps with room for the interceptor's own only", []) {
            $0.quotas = [Patient.quota(["count/configmaps": "1", "count/sessions.detour.dev": "1"])]
        },
        Illness("that quota where the Session is a ConfigMap too", ["stops quota"]) {
            $0.home = .configMap
            $0.quotas = [Patient.quota(["count/configmaps": "1", "count/sessions.detour.dev": "0"])]
        },
        Illness("a quota with room", []) {
            $0.quotas = [
                Patient.quota(
                    ["pods": "11", "requests.cpu": "1", "requests.memory": "1Gi", "limits.memory": "2Gi", "gold": "0"],
                    used: ["pods": "9", "requests.cpu": "900m", "requests.memory": "896Mi", "limits.memory": "1Gi"]
                )
            ]
        },
        Illness("a quota of requests that is nearly used up", ["stops quota", "stops quota"]) {
            $0.quotas = [
                Patient.quota(
                    ["requests.cpu": "1", "limits.memory": "2Gi"],
                    used: ["requests.cpu": "901m", "limits.memory": "1025Mi"]
                )
            ]
        },
        Illness("a quota that wants a CPU limit", ["stops quota"]) {
            $0.quotas = [Patient.quota(["limits.cpu": "100"])]
        },
        Illness("a quota of what the interceptor asks nothing of", []) {
            $0.quotas = [Patient.quota(["requests.ephemeral-storage": "1Gi", "requests.storage": "1Gi"])]
        },
        Illness("a quota that wants a CPU limit, which a LimitRange gives", []) {
            $0.quotas = [Patient.quota(["limits.cpu": "100"])]
            $0.limitRanges = [Patient.limits(["default": ["cpu": "2"]])]
        },
        Illness("a quota of Pods without requests", []) {
            $0.quotas = [Patient.quota(["pods": "0"], spec: ["scopes": ["BestEffort"]])]
        },
        Illness("a quota of a priority class", []) {
            $0.quotas = [
                Patient.quota(
                    ["pods": "0"],
                    spec: [
                        "scopeSelector": [
                            "matchExpressions": [
                                ["scopeName": "PriorityClass", "operator": "In", "values": ["high"]]
                            ]
                        ]
                    ]
                )
            ]
        },
        Illness("a quota without another Service", ["stops quota"]) {
            $0.quotas = [Patient.quota(["services": "2"], used: ["services": "2"])]
        },
        Illness("a quota that the running interceptor is part of", ["note session-active"]) {
            $0.session = try Patient.session()
            $0.quotas = [Patient.quota(["pods": "3"], used: ["pods": "3"])]
        },
        Illness("a LimitRange below the interceptor's memory limit", ["stops limit-range"]) {
            $0.limitRanges = [Patient.limits(["max": ["memory": "256Mi"]])]
        },
        Illness("a LimitRange above its request", ["stops limit-range"]) {
            $0.limitRanges = [Patient.limits(["min": ["cpu": "100m"]])]
        },
        Illness("a LimitRange with a narrow ratio", ["stops limit-range"]) {
            $0.limitRanges = [Patient.limits(["maxLimitRequestRatio": ["memory": "4"]])]
        },
        Illness("a LimitRange with a ratio for what has no limit", ["stops limit-range"]) {
            $0.limitRanges = [Patient.limits(["maxLimitRequestRatio": ["cpu": "4"]])]
        },
        Illness("a LimitRange with a default CPU limit", ["hurts limit-range"]) {
            $0.limitRanges = [Patient.limits(["default": ["cpu": "200m"]])]
        },
        Illness("a LimitRange whose default is below the request", ["stops limit-range", "hurts limit-range"]) {
            $0.limitRanges = [Patient.limits(["default": ["cpu": "20m"]])]
        },
        Illness("a LimitRange of Pods", ["stops limit-range"]) {
            $0.limitRanges = [Patient.limits(["max": ["cpu": "4"]], of: "Pod")]
        },
        Illness("a LimitRange of Pods beside one with the defaults it wants", []) {
            $0.limitRanges = [
                Patient.limits(["max": ["cpu": "4"]], of: "Pod"), Patient.limits(["default": ["cpu": "2"]]),
            ]
        },
        Illness("a LimitRange of Pods beside one with defaults above it", ["stops limit-range"]) {
            $0.limitRanges = [
                Patient.limits(["max": ["cpu": "1"]], of: "Pod"), Patient.limits(["default": ["cpu": "2"]]),
            ]
        },
        Illness("a LimitRange with a ratio beside one with the default it wants", []) {
            $0.limitRanges = [
                Patient.limits(["maxLimitRequestRatio": ["cpu": "40"]]), Patient.limits(["default": ["cpu": "2"]]),
            ]
        },
        Illness("a LimitRange with room", []) {
            $0.limitRanges = [
                Patient.limits(["max": ["memory": "1Gi"], "min": ["cpu": "10m"], "default": ["cpu": "2"]]),
                Patient.limits(["max": ["storage": "1Gi"]], of: "PersistentVolumeClaim"),
            ]
        },
    ]
}
