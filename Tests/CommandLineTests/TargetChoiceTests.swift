import ArgumentParser
import Intercept
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import Synchronization
import Testing

@testable import detour

@Suite("Which of several Services is meant")
struct TargetChoiceTests {
    private let reference = TargetReference(.deployment, "web")

    private func client() -> KubernetesClient {
        var cluster = ModelCluster()
        for name in ["admin", "front"] {
            let spec: JSONValue = ["selector": ["app": "web"], "ports": [["port": 80]]]
            cluster.put(DynamicObject(.services, name: name, namespace: "shop", ["spec": spec]))
        }
        let template: JSONValue = ["metadata": ["labels": ["app": "web"]]]
        cluster.put(DynamicObject(.deployments, name: "web", namespace: "shop", ["spec": ["template": template]]))
        return KubernetesClient(transport: ModelAPIServer(cluster), namespace: "shop")
    }

    @Test(
        "Number or name picks one; the question lists them",
        arguments: [("2", "front"), ("front\n", "front"), (" 1 ", "admin")]
    )
    func picks(answer: String, name: String) async throws {
        let asked = Mutex("")
        let choice = TargetChoice(client: self.client(), isQuiet: true) { question in
            asked.withLock { $0 = question }
            return answer
        }
        #expect(try await choice.service(of: self.reference) == name)
        #expect(asked.withLock { $0 }.contains("  1  admin\n  2  front\nwhich one? [1-2, none] "))
    }

    @Test("An empty answer, a wrong one, or no terminal means none", arguments: ["", "3", "0", "x", nil] as [String?])
    func none(answer: String?) async throws {
        var choice = TargetChoice(client: self.client(), isQuiet: true, ask: nil)
        if let answer { choice.ask = { _ in answer } }
        let error = await #expect(throws: InterceptError.self) { try await choice.service(of: self.reference) }
        #expect(error?.message.contains("detour intercept front -n shop") == true)
    }
}
