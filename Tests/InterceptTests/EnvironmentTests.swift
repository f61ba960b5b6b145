import Foundation
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Testing

@testable import Intercept

@Suite("The environment of a workload")
struct EnvironmentTests {
    private static let side = InterceptRun.LocalSide(
        names: Scene.names,
        original: OriginalService(
            selector: ["app": "leaf"],
            ports: [["name": "http", "port": 80, "targetPort": "web"]]
        ),
        ports: [.init(remote: 80, local: 3_000)]
    )

    /// A Pod with a sidecar in front of the container that owns the port.
    private static func pod(
        _ name: String = "leaf-1",
        isReady: Bool = true,
        env: JSONValue = [],
        from: JSONValue = []
    ) -> DynamicObject {
        DynamicObject(
            .pods,
            name: name,
            namespace: "shop",
            [
                "metadata": ["labels": ["app": "leaf"], "uid": "u-1", "annotations": ["team": "red"]],
                "spec": [
                    "nodeName": "node-a",
                    "containers": [
                        [
                            "name": "sidecar", "ports": [["containerPort": 80]],
                            "env": [["name": "WRONG", "value": "1"]],
                        ],
                        [
                            "name": "main", "ports": [["name": "web", "containerPort": 8_080]], "env": env,
                            "envFrom": from,
                            "resources": ["limits": ["cpu": "1500m", "memory": "64Mi"], "requests": ["cpu": 2]],
                        ],
                    ],
                ],
                "status": [
                    "phase": "Running", "podIP": "10.0.0.7", "podIPs": [["ip": "10.0.0.7"], ["ip": "fd00::7"]],
                    "conditions": [["type": "Ready", "status": isReady ? "True" : "False"]],
                ],
            ]
        )
    }

    private func environment(
        _ pods: [DynamicObject],
        forbidden: Set<String> = []
    ) async throws -> (WorkloadEnvironment, Scene) {
        let scene = Scene()
        scene.server.change { cluster in
            for pod in pods { cluster.put(pod) }
            cluster.put(
                DynamicObject(
                    .configMaps,
                    name: "config",
                    namespace: "shop",
                    ["data": ["MODE": "fast", "SHARED": "config"]]
                )
            )
            let secret: JSONValue = ["TOKEN": .string(Data("s3cret".utf8).base64EncodedString()), "SHARED": "c2VjcmV0"]
            cluster.put(DynamicObject(.secrets, name: "keys", namespace: "shop", ["data": secret]))
            cluster.forbidden = forbidden
        }
        return (try await WorkloadEnvironment(Self.side, client: scene.client), scene)
    }

    @Test("Literal values, references among them, and what envFrom brings; the later wins, and env over envFrom")
    func values() async throws {
        let pod = Self.pod(
            env: [
                ["name": "HOST", "value": "db"], ["name": "URL", "value": "http://$(HOST):$(PORT)/$$(HOST)"],
                ["name": "EMPTY"], ["name": "MODE", "value": "slow"], ["name": "FROM", "value": "$(C_MODE)"],
            ],
            from: [
                ["prefix": "C_", "configMapRef": ["name": "config"]], ["configMapRef": ["name": "config"]],
                ["secretRef": ["name": "keys"]],
            ]
        )
        let (environment, _) = try await self.environment([pod])
        #expect(
            environment.variables == [
                "HOST": "db", "URL": "http://db:$(PORT)/$(HOST)", "EMPTY": "", "MODE": "slow", "FROM": "fast",
                "C_MODE": "fast", "C_SHARED": "config", "SHARED": "secret", "TOKEN": "s3cret",
            ]
        )
        #expect(environment.warnings.isEmpty)
        #expect(environment.source == "leaf-1/main")
    }

    @Test("Keys, fields of the Pod and amounts of resources")
    func references() async throws {
        func field(_ path: String) -> JSONValue { ["fieldRef": ["fieldPath": .string(path)]] }
        func amount(_ resource: String, _ divisor: String) -> JSONValue {
            ["resourceFieldRef": ["resource": .string(resource), "divisor": .string(divisor)]]
        }
        let references: [(String, JSONValue)] = [
            ("A", ["configMapKeyRef": ["name": "config", "key": "MODE"]]),
            ("B", ["secretKeyRef": ["name": "keys", "key": "TOKEN"]]), ("C", field("metadata.name")),
            ("D", field("status.podIP")), ("E", field("status.podIPs")), ("F", field("metadata.labels['app']")),
            ("G", field("metadata.annotations['team']")), ("H", field("spec.nodeName")), ("I", field("metadata.uid")),
            ("J", amount("limits.cpu", "0")), ("K", amount("limits.cpu", "1m")), ("L", amount("limits.memory", "1Mi")),
            ("M", amount("requests.cpu", "1")), ("N", field("metadata.namespace")),
        ]
        let env = references.map { JSONValue.object(["name": .string($0.0), "valueFrom": $0.1]) }
        let (environment, _) = try await self.environment([
            Self.pod(env: .array(env + [["name": "AFTER", "value": "$(A)-$(D)"]]))
        ])
        #expect(
            environment.variables == [
                "A": "fast", "B": "s3cret", "C": "leaf-1", "D": "10.0.0.7", "E": "10.0.0.7,fd00::7", "F": "leaf",
                "G": "red", "H": "node-a", "I": "u-1", "J": "2", "K": "1500", "L": "64", "M": "2", "N": "shop",
                "AFTER": "fast-10.0.0.7",
            ]
        )
    }

    @Test("A Secret that may not be read is named, its variables are left out, the others are there")
    func forbidden() async throws {
        let pod = Self.pod(
            env: [
                ["name": "PASSWORD", "valueFrom": ["secretKeyRef": ["name": "keys", "key": "TOKEN"]]],
                ["name": "PLAIN", "value": "1"],
            ],
            from: [["secretRef": ["name": "keys"]]]
        )
        let (environment, _) = try await self.environment([pod], forbidden: ["get secrets"])
        #expect(environment.variables == ["PLAIN": "1"])
        #expect(environment.warnings.count == 2)
        #expect(environment.warnings.allSatisfy { $0.contains("Secret keys") && !$0.contains("s3cret") })
        #expect(environment.warnings.last?.contains("PASSWORD is left out") == true)
    }

    @Test("What is not there is said, unless it is optional")
    func missing() async throws {
        func entry(_ name: String, _ object: String, _ key: String, _ isOptional: Bool) -> JSONValue {
            let reference: JSONValue = ["name": .string(object), "key": .string(key), "optional": .bool(isOptional)]
            return ["name": .string(name), "valueFrom": ["configMapKeyRef": reference]]
        }
        let (environment, _) = try await self.environment([
            Self.pod(
                env: [
                    entry("A", "none", "x", false), entry("B", "none", "x", true), entry("C", "config", "x", false),
                    entry("D", "config", "x", true),
                    ["name": "E", "valueFrom": ["resourceFieldRef": ["resource": "limits.hugepages"]]],
                ]
            )
        ])
        #expect(environment.variables.isEmpty)
        #expect(environment.warnings.map { $0.contains("A is left out") } == [true, false, false])
        #expect(environment.warnings.count == 3, "\(environment.warnings)")
    }

    @Test("A ready Pod is preferred; none at all is an error")
    func choice() async throws {
        let old = Self.pod("leaf-0", isReady: false)
        #expect(try await self.environment([old, Self.pod()]).0.source == "leaf-1/main")
        #expect(try await self.environment([old]).0.source == "leaf-0/main")
        let error = await #expect(throws: InterceptError.self) { try await self.environment([]) }
        #expect(error?.code == .noWorkload)
    }

    @Test(
        "References are expanded as the kubelet does",
        arguments: [
            ("$(A)", "1"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$(B)", "$(B)"), ("$A", "$A"), ("$", "$"), ("$$", "$"),
            ("$(A", "$(A"), ("$()", "$()"), ("a$(A)b$(A)", "a1b1"), ("", ""), ("$(A)$", "1$"), ("${A}", "${A}"),
        ]
    )
    func expansion(text: String, result: String) {
        #expect(VariableExpansion.expand(text) { $0 == "A" ? "1" : nil } == result)
    }

    @Test(
        "Amounts",
        arguments: [
            ("1", 1_000), ("250m", 250), ("1.5", 1_500), ("64Mi", 67_108_864_000), ("1k", 1_000_000), ("0.1m", 1),
            ("1G", 1_000_000_000_000), ("", nil), ("x", nil), ("1x", nil), ("99999999999999999999", nil),
        ] as [(String, Int64?)]
    )
    func quantities(text: String, thousandths: Int64?) {
        #expect(Quantity(text)?.thousandths == thousandths)
    }
}

@Suite("Variables as a file")
struct EnvironmentFileTests {
    private static let nasty = [
        "PLAIN": "http://a.b:80/c_d-e", "EMPTY": "", "SPACES": " a  b ",
        "QUOTES": "it's \"x\" `date` $HOME $(id) \\n \\",
        "LINES": "one\ntwo\n", "HASH": "#no", "UMLAUT": "grüße", "TILDE": "~root", "STAR": "*", "EQUALS": "a=b=c",
    ]

    @Test("A shell reads back what was written")
    func shell() throws {
        let path = "\(NSTemporaryDirectory())/detour-env-\(UUID().uuidString)"
        defer { unlink(path) }
        try EnvironmentFile(Self.nasty).write(to: path)
        for (name, value) in Self.nasty {
            let shell = Process()
            let output = Pipe()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = ["-c", ". \"$0\"; printf '%s' \"$\(name)\"", path]
            shell.standardOutput = output
            try shell.run()
            let read = try output.fileHandleForReading.readToEnd() ?? Data()
            shell.waitUntilExit()
            #expect(String(decoding: read, as: UTF8.self) == value)
        }
    }

    @Test("The file is its owner's only, also where an older one was open to all")
    func mode() throws {
        let path = "\(NSTemporaryDirectory())/detour-env-\(UUID().uuidString)"
        defer { unlink(path) }
        try "old".write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o666)
        try EnvironmentFile(["A": "1"]).write(to: path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "A=1\n")
    }

    @Test("Names that no shell takes are told, not written; a path that cannot be written is named")
    func refused() {
        let file = EnvironmentFile(["A": "1", "my.key": "2", "1B": "3", "C D": "4"])
        #expect(file.text == "A=1\n")
        #expect(file.unfit == ["1B", "C D", "my.key"])
        let error = #expect(throws: InterceptError.self) { try file.write(to: "/nonexistent/x.env") }
        #expect(error?.message.contains("/nonexistent/x.env") == true)
    }
}
