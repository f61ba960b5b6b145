import KubernetesModel

extension ClusterIllness {
    static var meshes: [ClusterIllness] {
        [
            ClusterIllness(
                name: "Istio in the namespace",
                objects: [self.service()],
                expected: ["stops mesh"],
                cure: .heals,
                marks: ["label istio-injection=enabled"]
            ),
            ClusterIllness(
                name: "Linkerd in the namespace",
                objects: [self.service()],
                expected: ["hurts mesh"],
                cure: .heals,
                marks: ["annotate linkerd.io/inject=enabled"]
            ),
            ClusterIllness(
                name: "Kuma in the namespace",
                objects: [self.service()],
                expected: ["hurts mesh"],
                cure: .heals,
                marks: ["label kuma.io/sidecar-injection=enabled"]
            ),
            ClusterIllness(
                name: "Istio ambient in the namespace",
                objects: [self.service()],
                expected: ["hurts mesh"],
                marks: ["label istio.io/dataplane-mode=ambient"]
            ),
            ClusterIllness(name: "a mesh's proxy", objects: [self.service(app: "meshed")], expected: ["hurts mesh"]),
        ]
    }

    private static func from(_ app: String) -> JSONValue {
        [["from": [["podSelector": ["matchLabels": ["app": .string(app)]]]]]]
    }

    static var policies: [ClusterIllness] {
        [
            ClusterIllness(
                name: "everything is denied",
                objects: [self.service(), self.policy("deny", ["policyTypes": ["Ingress", "Egress"]])],
                expected: ["stops policy-original", "stops policy-original", "stops policy-api-server"],
                cure: .heals
            ),
            ClusterIllness(
                name: "callers are admitted to the original only",
                objects: [
                    self.service(), self.policy("deny", ["policyTypes": ["Ingress"]]),
                    self.policy("leaf", app: "leaf", ["policyTypes": ["Ingress"], "ingress": self.from("two")]),
                ],
                expected: ["stops policy-callers", "stops policy-original"],
                cure: .heals
            ),
            ClusterIllness(
                name: "callers may connect to the original only",
                objects: [
                    self.service(),
                    self.policy(
                        "two-egress",
                        app: "two",
                        [
                            "policyTypes": ["Egress"],
                            "egress": [["to": [["podSelector": ["matchLabels": ["app": "leaf"]]]]]],
                        ]
                    ),
                ],
                expected: ["stops policy-callers"],
                cure: .runs
            ),
            ClusterIllness(
                name: "egress within the namespace only",
                objects: [
                    self.service(),
                    self.policy("inside", ["policyTypes": ["Egress"], "egress": [["to": [["podSelector": [:]]]]]]),
                ],
                expected: ["stops policy-api-server"],
                cure: .heals
            ),
        ]
    }

    static var admissions: [ClusterIllness] {
        [
            ClusterIllness(
                name: "Pod security",
                objects: [self.service()],
                expected: ["note pod-security"],
                marks: ["label pod-security.kubernetes.io/enforce=restricted"]
            ),
            ClusterIllness(
                name: "OpenShift's users",
                objects: [self.service()],
                expected: ["stops openshift-user"],
                marks: ["annotate openshift.io/sa.scc.uid-range=1000650000/10000"]
            ),
            ClusterIllness(
                name: "a quota of Services that is used up",
                objects: [self.service(), self.quota(["services": "1"])],
                expected: ["stops quota"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a quota that wants a CPU limit",
                objects: [self.service(), self.quota(["limits.cpu": "4"])],
                expected: ["stops quota"],
                cure: .runs
            ),
            ClusterIllness(
                name: "that quota, and a LimitRange that gives one",
                objects: [
                    self.service(), self.limits(["type": "Container", "default": ["cpu": "1"]]),
                    self.quota(["limits.cpu": "4"]),
                ],
                expected: []
            ),
            ClusterIllness(
                name: "a LimitRange below the interceptor's memory",
                objects: [self.service(), self.limits(["type": "Container", "max": ["memory": "256Mi"]])],
                expected: ["stops limit-range"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a LimitRange that throttles",
                objects: [self.service(), self.limits(["type": "Container", "default": ["cpu": "200m"]])],
                expected: ["hurts limit-range"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a LimitRange of Pods",
                objects: [self.service(), self.limits(["type": "Pod", "max": ["cpu": "4"]])],
                expected: ["stops limit-range"],
                cure: .runs
            ),
            ClusterIllness(
                name: "a LimitRange of Pods, and the defaults it wants",
                objects: [
                    self.service(),
                    self.limits(["type": "Pod", "max": ["cpu": "4"]], ["type": "Container", "default": ["cpu": "1"]]),
                ],
                expected: []
            ),
        ]
    }

    static var images: [ClusterIllness] {
        [
            ClusterIllness(
                name: "an image that nobody has run here",
                objects: [self.service()],
                expected: ["note image-unproven"],
                cure: .runs,
                flags: []
            ),
            ClusterIllness(
                name: "an image of another version",
                objects: [self.service()],
                expected: ["hurts image-version", "note image-unproven"],
                flags: ["--image", "registry.invalid/detour:9.9.9"]
            ),
        ]
    }
}
