public import KubernetesModel

extension DynamicObject {
    /// Makes Pods owners too, as each of them does for itself at its start.
    public mutating func addOwners(_ pods: [InterceptorPod]) {
        let owners = self[path: "metadata", "ownerReferences"]?.array ?? []
        self["metadata"]?["ownerReferences"] = .array(owners + pods.map(\.ownerReference))
    }
}

extension InterceptorPod {
    /// The entry in `metadata.ownerReferences` of what this Pod owns.
    public var ownerReference: JSONValue {
        [
            "apiVersion": .string(ResourceType.pods.apiVersion),
            "kind": .string(ResourceType.pods.kind),
            "name": .string(self.name),
            "uid": .string(self.uid),
        ]
    }
}

extension InterceptManifests {
    /// The interceptor's Pod: admitted under the `restricted` Pod Security Standard.
    var podSpec: JSONValue {
        var spec: JSONValue = [
            "serviceAccountName": .string(self.session.names.interceptor),
            "terminationGracePeriodSeconds": .integer(Int64(self.gracePeriodSeconds)),
            "securityContext": [
                "runAsNonRoot": true,
                "runAsUser": 65_532,
                "runAsGroup": 65_532,
                "fsGroup": 65_532,
                "seccompProfile": ["type": "RuntimeDefault"],
                // For 60 s each connection to the original keeps a port, all of them to one address: of the usual 28,232 a
                // replica runs out at 470 new connections a second, of these at 819. Kubernetes counts this sysctl among the
                // safe ones. Above the ports that are listened on: what is kept would keep a restarted container from them.
                "sysctls": [["name": "net.ipv4.ip_local_port_range", "value": "16384 65535"]],
            ],
            "topologySpreadConstraints": [
                [
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": [
                        "matchLabels": JSONValue(Marks.selector(incarnation: self.session.incarnation))
                    ],
                ]
            ],
            "containers": [self.container],
            "volumes": .array(
                [
                    [
                        "name": "configuration",
                        "configMap": ["name": .string(self.session.names.interceptor)],
                    ],
                    ["name": "run", "emptyDir": ["medium": "Memory", "sizeLimit": "1Mi"]],
                ] + self.tlsVolumes.map(\.volume)
            ),
        ]
        if let secret = self.session.settings.imagePullSecret {
            spec["imagePullSecrets"] = [["name": .string(secret)]]
        }
        return spec
    }

    /// Bystander connections may linger for the drain, and new ones may come for a minute while a kube-proxy lags; the kubelet
    /// must not cut that short. What is left is for giving the Service back, and for telling and closing connections.
    private var gracePeriodSeconds: Int { max(60, self.session.settings.drainSeconds) + 15 }

    /// The Secrets, mounted by the kubelet: the interceptor itself may read none.
    ///
    /// Optional, so that the Pod starts without one and says what is missing.
    private var tlsVolumes: [(volume: JSONValue, mount: JSONValue)] {
        self.session.settings.tlsSecrets.sorted { $0.key < $1.key }.map { port, secret in
            (
                [
                    "name": .string("tls-\(port)"),
                    // 0440: the group is the Pod's fsGroup.
                    "secret": ["secretName": .string(secret), "optional": true, "defaultMode": 288],
                ],
                [
                    "name": .string("tls-\(port)"),
                    "mountPath": .string(InterceptorConfiguration.tlsDirectory(port: port)), "readOnly": true,
                ]
            )
        }
    }

    private var container: JSONValue {
        func downward(_ variable: String, _ field: String) -> JSONValue {
            ["name": .string(variable), "valueFrom": ["fieldRef": ["fieldPath": .string(field)]]]
        }
        func probe(_ path: String, period: Int64) -> JSONValue {
            [
                "httpGet": ["path": .string(path), "port": .integer(Int64(InterceptorConfiguration.adminPort))],
                "periodSeconds": .integer(period),
                "timeoutSeconds": 2,
            ]
        }
        let listeners: [JSONValue] = InterceptedPort.all(in: self.session.original.ports).map {
            ["containerPort": .integer(Int64($0.listener)), "protocol": "TCP"]
        }
        return [
            "name": "interceptor",
            "image": .string(self.session.settings.image),
            "imagePullPolicy": "IfNotPresent",
            "args": ["serve", "interceptor", "--config", .string("/etc/detour/\(InterceptorConfiguration.fileName)")],
            "env": [
                downward("POD_NAME", "metadata.name"),
                downward("POD_UID", "metadata.uid"),
                downward("POD_NAMESPACE", "metadata.namespace"),
                downward("POD_IP", "status.podIP"),
            ],
            "ports": .array(
                listeners + [
                    [
                        "name": "admin",
                        "containerPort": .integer(Int64(InterceptorConfiguration.adminPort)),
                        "protocol": "TCP",
                    ]
                ]
            ),
            "readinessProbe": probe("/readyz", period: 1),
            "livenessProbe": probe("/healthz", period: 10),
            // No CPU limit: throttling would slow bystanders.
            "resources": ["requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["memory": "512Mi"]],
            "securityContext": [
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": ["drop": ["ALL"]],
            ],
            "volumeMounts": .array(
                [
                    ["name": "configuration", "mountPath": "/etc/detour", "readOnly": true],
                    ["name": "run", "mountPath": "/run/detour"],
                ] + self.tlsVolumes.map(\.mount)
            ),
        ]
    }
}
