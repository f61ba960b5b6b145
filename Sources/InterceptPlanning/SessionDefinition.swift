public import KubernetesModel

/// The CustomResourceDefinition of Sessions.
public enum SessionDefinition {
    /// The manifest, in `apiextensions.k8s.io/v1` (Kubernetes 1.16 and later).
    public static var manifest: DynamicObject {
        let type = ResourceType.sessions
        func column(_ name: String, _ path: String, _ kind: String = "string") -> JSONValue {
            ["name": .string(name), "type": .string(kind), "jsonPath": .string(path)]
        }
        return DynamicObject(
            .customResourceDefinitions,
            name: "\(type.plural).\(type.group)",
            [
                "spec": [
                    "group": .string(type.group),
                    "scope": "Namespaced",
                    "names": [
                        "kind": .string(type.kind),
                        "listKind": "SessionList",
                        "plural": .string(type.plural),
                        "singular": "session",
                    ],
                    "versions": [
                        [
                            "name": .string(type.version),
                            "served": true,
                            "storage": true,
                            "subresources": ["status": .object([:])],
                            "schema": ["openAPIV3Schema": Self.schema],
                            "additionalPrinterColumns": [
                                column("Service", ".spec.restore-service.service.metadata.name"),
                                column("Phase", ".spec.phase"),
                                column("Owners", ".spec.routes[*].owner"),
                                column("Age", ".metadata.creationTimestamp", "date"),
                            ],
                        ]
                    ],
                ]
            ]
        )
    }

    /// Strict where Detour decides on a field, open where it keeps what a Service had, and where a value may be empty:
    /// some API servers of the 1.20 line take an empty string or list for null and refuse it by its type.
    private static var schema: JSONValue {
        let open: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        return [
            "type": "object",
            "required": ["spec"],
            "properties": [
                "spec": [
                    "type": "object",
                    "required": ["phase", "session", "serviceUID", "restore-service"],
                    "x-kubernetes-preserve-unknown-fields": true,
                    "properties": [
                        "phase": ["type": "string", "enum": ["Active", "Closing"]],
                        "session": ["type": "string", "pattern": "^[0-9a-f]{40}$"],
                        "serviceUID": ["type": "string"],
                        "restore-service": open,
                        "interceptor": open,
                    ],
                ],
                "status": open,
            ],
        ]
    }
}
