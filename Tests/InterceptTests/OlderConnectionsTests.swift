import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Synchronization
import Testing
import TrafficMatch

@testable import Intercept

@Suite("Connections that are older than the swap")
struct OlderConnectionsTests {
    private let scene = Scene()

    private func session() throws -> Session {
        Session(
            names: Scene.names,
            serviceUID: self.scene.service.uid,
            incarnation: "1234",
            original: try InterceptTarget(self.scene.service).original,
            routes: [],
            settings: InterceptorSettings(image: "detour:test", replicas: 1, drainSeconds: 1)
        )
    }

    private func pod(_ name: String, _ address: String, labels: [String: String]) -> DynamicObject {
        var pod = DynamicObject(.pods, name: name, namespace: "shop", [:])
        pod["metadata"]?["labels"] = JSONValue(labels)
        pod["spec"] = ["containers": [["name": "app"], ["name": "helper"]]]
        pod["status"] = ["podIP": .string(address), "hostIP": "192.168.0.9"]
        return pod
    }

    /// Two Pods of the original on port 8080, one interceptor.
    private func populate(_ session: Session) {
        let pods = [
            self.pod("leaf-a", "10.0.0.5", labels: ["app": "leaf"]),
            self.pod("leaf-b", "10.0.0.6", labels: ["app": "leaf"]),
            self.pod(
                "interceptor-leaf-x",
                "10.0.0.7",
                labels: [Marks.appLabel: Marks.appValue, Marks.sessionLabel: session.incarnation]
            ),
        ]
        var endpoints = DynamicObject(.endpoints, name: Scene.names.decoy, namespace: "shop", [:])
        endpoints["subsets"] = [
            [
                "addresses": [["ip": "10.0.0.5"], ["ip": "10.0.0.6"]], "ports": [["name": "http", "port": 8_080]],
            ]
        ]
        let objects = pods + [endpoints]
        self.scene.server.change { cluster in for object in objects { cluster.put(object) } }
    }

    /// A table with an established connection to port 8080 from each of these IPv4 addresses.
    private func table(_ remotes: [String]) -> [UInt8] {
        let lines = remotes.enumerated().map { index, remote in
            let hex = remote.split(separator: ".").reversed().map { part in
                let digits = String(Int(part) ?? 0, radix: 16)
                return digits.count == 1 ? "0\(digits)" : digits
            }
            return "   \(index): 00000000:1F90 \(hex.joined().uppercased()):D431 01 0:0 0:0 0 0 0 1\n"
        }
        return Array(("  sl  local_address rem_address   st\n" + lines.joined()).utf8)
    }

    @Test("are those to the original's Pods from anywhere but the interceptor, the node and the Pod itself")
    func count() async throws {
        let session = try self.session()
        self.populate(session)
        let asked = Mutex<[String]>([])
        let older = OlderConnections(client: self.scene.client, session: session, ports: [80]) {
            command,
            pod,
            container in
            asked.withLock { $0.append("\(command.first ?? "") in \(pod)/\(container)") }
            let remotes =
                pod == "leaf-a"
                ? ["10.0.0.20", "10.0.0.20", "10.0.0.7", "192.168.0.9", "10.0.0.5", "127.0.0.1"] : ["10.0.0.21"]
            return .init(bytes: self.table(remotes), failure: "cat: /proc/net/tcp6: No such file or directory")
        }
        #expect(await older.count() == 3)
        #expect(asked.withLock { $0.sorted() } == ["cat in leaf-a/app", "cat in leaf-b/app"])
    }

    @Test("are not known where one Pod cannot be looked into, where there is no cat, or no Pod")
    func unknown() async throws {
        let session = try self.session()
        let none = OlderConnections(client: self.scene.client, session: session, ports: [80]) { _, _, _ in
            .init(bytes: self.table(["10.0.0.20"]))
        }
        #expect(await none.count() == nil, "no endpoints")
        self.populate(session)
        #expect(await none.count() == 2)
        let forbidden = OlderConnections(client: self.scene.client, session: session, ports: [80]) { _, pod, _ in
            if pod == "leaf-b" { throw KubernetesError(.unsupported, "forbidden") }
            return .init(bytes: self.table([]))
        }
        #expect(await forbidden.count() == nil)
        let bare = OlderConnections(client: self.scene.client, session: session, ports: [80]) { _, _, _ in
            .init(bytes: [], failure: "exec: \"cat\": executable file not found in $PATH")
        }
        #expect(await bare.count() == nil)
        let other = OlderConnections(client: self.scene.client, session: session, ports: [81]) { _, _, _ in
            .init(bytes: self.table(["10.0.0.20"]))
        }
        #expect(await other.count() == nil, "a port that is not intercepted")
    }
}
