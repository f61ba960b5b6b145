import KubernetesModel

extension ClusterIllness {
    /// All of them, in an order in which none stands in another's way.
    static var all: [ClusterIllness] {
        let parts = [
            self.services, self.owners, self.workloads, self.meshes, self.policies, self.admissions, self.images,
        ]
        // Last, for its commands make the leaf's Pod anew.
        let nothing = ClusterIllness(name: "nothing", objects: [self.service()], expected: self.health, cure: .runs)
        return parts.flatMap(\.self) + [nothing]
    }

    static var services: [ClusterIllness] {
        [
            ClusterIllness(
                name: "ExternalName",
                objects: [self.service(["type": "ExternalName", "externalName": "db.example", "selector": .null])],
                expected: ["stops external-name"]
            ),
            ClusterIllness(
                name: "headless",
                objects: [self.service(["clusterIP": "None"])],
                expected: ["stops headless"]
            ),
            ClusterIllness(
                name: "no selector",
                objects: [self.service(["selector": .null])],
                expected: ["stops no-selector"]
            ),
            ClusterIllness(
                name: "a UDP port",
                objects: [
                    self.service([
                        "ports": [
                            ["name": "dns", "port": 53, "protocol": "UDP"],
                            ["name": "http", "port": 80, "targetPort": 8080],
                        ]
                    ])
                ],
                expected: ["stops port-not-tcp"]
            ),
            ClusterIllness(
                name: "a local traffic policy",
                objects: [self.service(["type": "NodePort", "externalTrafficPolicy": "Local"])],
                expected: ["stops traffic-policy-local"],
                cure: .heals
            ),
            ClusterIllness(
                name: "a long name",
                objects: [self.service(name: String(repeating: "l", count: 46))],
                expected: ["stops name-too-long"],
                service: String(repeating: "l", count: 46)
            ),
            ClusterIllness(
                name: "session affinity",
                objects: [self.service(["sessionAffinity": "ClientIP"])],
                expected: ["hurts session-affinity"]
            ),
            ClusterIllness(
                name: "topology hints",
                objects: [self.service(annotations: ["service.kubernetes.io/topology-aware-hints": "auto"])],
                expected: ["note topology"]
            ),
            ClusterIllness(
                name: "addresses that are not ready",
                objects: [self.service(["publishNotReadyAddresses": true])],
                expected: ["hurts not-ready-addresses"]
            ),
            ClusterIllness(
                name: "other protocols",
                objects: [
                    self.service([
                        "ports": [
                            ["name": "a", "port": 443, "targetPort": 8080, "appProtocol": "https"],
                            ["name": "b", "port": 5432, "targetPort": 8080, "appProtocol": "postgres"],
                            ["name": "https", "port": 8443, "targetPort": 8080],
                            ["name": "grpc-api", "port": 50_051, "targetPort": 8080],
                        ]
                    ])
                ],
                expected: [
                    "hurts protocol-unread", "hurts protocol-unread", "note protocol-unread", "note protocol-http2",
                ]
            ),
        ]
    }

    static var owners: [ClusterIllness] {
        [
            ClusterIllness(
                name: "Argo CD, by its label",
                objects: [self.service(labels: ["argocd.argoproj.io/instance": "shop"])],
                expected: ["hurts gitops"]
            ),
            ClusterIllness(
                name: "Argo CD, by who wrote it",
                objects: [self.service()],
                expected: ["hurts gitops"],
                applying: ["--server-side", "--field-manager=argocd-controller"]
            ),
            ClusterIllness(
                name: "Flux, by its label",
                objects: [self.service(labels: ["kustomize.toolkit.fluxcd.io/name": "apps"])],
                expected: ["hurts gitops"],
                cure: .heals
            ),
            ClusterIllness(
                name: "Flux, by who wrote it",
                objects: [self.service()],
                expected: ["hurts gitops"],
                cure: .heals,
                applying: ["--server-side", "--field-manager=kustomize-controller"]
            ),
            ClusterIllness(
                name: "Helm",
                objects: [self.service(annotations: ["meta.helm.sh/release-name": "shop"])],
                expected: ["note gitops"]
            ),
        ]
    }

    static var workloads: [ClusterIllness] {
        [
            ClusterIllness(
                name: "a selector that selects nothing",
                objects: [self.service(app: "nobody")],
                expected: ["stops no-ready-endpoints"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a Pod that is not ready",
                objects: [self.service(app: "waiting")],
                expected: ["stops no-ready-endpoints"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a port name that no Pod has",
                objects: [self.service(["ports": [["port": 80, "targetPort": "nosuch"]]])],
                expected: ["stops port-unresolved"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a second port whose name no Pod has",
                objects: [
                    self.service([
                        "ports": [
                            ["name": "http", "port": 80, "targetPort": 8080],
                            ["name": "metrics", "port": 90, "targetPort": "nosuch"],
                        ]
                    ])
                ],
                expected: ["hurts port-unresolved"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a port name that is two numbers",
                objects: [self.service(["ports": [["port": 80, "targetPort": "web"]]], app: "differs")],
                expected: ["note port-differs", "note budget-missing"]
            ),
            ClusterIllness(
                name: "another Service on the workload",
                objects: [self.service(), self.service(name: "leaf-public")],
                expected: ["hurts shared-workload"],
                cure: .runs
            ),
            ClusterIllness(
                name: "an autoscaler",
                objects: [
                    self.service(),
                    self.object(
                        "autoscaling/v1",
                        "HorizontalPodAutoscaler",
                        "leaf",
                        [
                            "minReplicas": 1, "maxReplicas": 2,
                            "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "leaf"],
                        ]
                    ),
                ],
                expected: ["note autoscaler"],
                cure: .runs
            ),
            ClusterIllness(
                name: "no budget",
                objects: [self.service(app: "two")],
                expected: ["note budget-missing"],
                cure: .heals
            ),
            ClusterIllness(
                name: "a budget for nothing, in the old version",
                objects: [self.service(app: "two"), self.budget("none", [:], ["maxUnavailable": 1])],
                expected: ["note budget-missing"],
                cure: .heals
            ),
            ClusterIllness(
                name: "a budget that allows nothing",
                objects: [
                    self.service(app: "two"),
                    self.budget("two", ["matchLabels": ["app": "two"]], ["maxUnavailable": 0]),
                ],
                expected: ["note budget-blocked"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a budget for everything",
                objects: [
                    self.service(app: "two"),
                    self.budget(
                        "all",
                        ["matchExpressions": [["key": "app", "operator": "Exists"]]],
                        ["minAvailable": 1]
                    ),
                ],
                expected: ["hurts budget-overlap"]
            ),
        ]
    }
}
