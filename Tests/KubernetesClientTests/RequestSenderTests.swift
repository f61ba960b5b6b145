import KubernetesModel
import KubernetesTestSupport
import Synchronization
import Testing

@testable import KubernetesClient

/// Records pauses instead of making them.
final class Pauses: Sendable {
    private let all = Mutex<[Duration]>([])
    var recorded: [Duration] { self.all.withLock { $0 } }

    var policy: RetryPolicy {
        var policy = RetryPolicy()
        policy.jitter = { 1 }
        policy.sleep = { duration in self.all.withLock { $0.append(duration) } }
        return policy
    }
}

@Suite("Asking the API server", .timeLimit(.minutes(5)))
struct RequestSenderTests {
    private let pauses = Pauses()
    private let get = "GET /api/v1/namespaces/shop/services/leaf"
    private let down = KubernetesError(.unreachable, "down")

    private func client(_ script: [ScriptedTransport.Exchange]) -> (KubernetesClient, ScriptedTransport) {
        let transport = ScriptedTransport(script)
        return (KubernetesClient(transport: transport, namespace: "shop", policy: self.pauses.policy), transport)
    }

    private func status(_ code: Int, _ reason: String = "") -> JSONValue {
        KubernetesStatus(code: code, reason: reason, message: "said so").json
    }

    @Test("A read is tried again after a lost connection, a 503 and a 500, with growing pauses")
    func readRetries() async throws {
        let (client, transport) = self.client([
            .failure(self.get, self.down), .answer(self.get, status: 503, self.status(503)),
            .answer(self.get, status: 500, self.status(500)),
            .answer(self.get, ["metadata": ["name": "leaf"]]),
        ])
        #expect(try await client.resources(.services).get("leaf").name == "leaf")
        #expect(transport.remaining == 0)
        #expect(self.pauses.recorded == [.milliseconds(200), .milliseconds(400), .milliseconds(800)])
    }

    /// A server that answers when it is told to.
    private struct Late: WrappingTransport {
        let base: any KubernetesTransport
        let wait: @Sendable () async -> Void

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            await self.wait()
            return try await self.base.send(request)
        }
    }

    @Test("A server that does not answer is said, and again when that happens again")
    func silence() async throws {
        let answer = ScriptedTransport.Exchange.answer(self.get, ["metadata": ["name": "leaf"]])
        let told = Mutex<[String]>([])
        let sent = Mutex(0)
        let late = Late(base: ScriptedTransport([answer, answer])) {
            let number = sent.withLock { sent in
                sent += 1
                return sent
            }
            while told.withLock({ $0.count }) < number { await Task.yield() }
        }
        var policy = RetryPolicy()
        policy.patience = .zero
        policy.notice = { text in told.withLock { $0.append(text) } }
        let client = KubernetesClient(transport: late, namespace: "shop", policy: policy)
        for _ in 0..<2 { _ = try await client.resources(.services).get("leaf") }
        let text = "no usable answer from the API server \(late.peer.server) for 0 s; still trying"
        #expect(told.withLock { $0 } == [text, text])
    }

    @Test("However many requests wait, it is said once until there is an answer")
    func silenceOnce() {
        let silence = Silence()
        #expect([silence.begins(), silence.begins()] == [true, false])
        silence.ends()
        #expect(silence.begins())
    }

    @Test("A read is tried four times, not five")
    func bounded() async {
        let (client, transport) = self.client(Array(repeating: .failure(self.get, self.down), count: 5))
        await #expect(throws: self.down) { try await client.resources(.services).get("leaf") }
        #expect(transport.remaining == 1)
    }

    @Test("Retry-After is obeyed, unless it is too long to wait for")
    func retryAfter() async throws {
        let (client, _) = self.client([
            .answer(self.get, status: 429, retryAfter: 3, self.status(429)),
            .answer(self.get, status: 429, retryAfter: 60, self.status(429)),
        ])
        let error = await #expect(throws: KubernetesError.self) { try await client.resources(.services).get("leaf") }
        #expect(error?.retryAfter == .seconds(60))
        #expect(self.pauses.recorded == [.seconds(3)])
    }

    @Test("A refusal is an answer and not asked again", arguments: [400, 401, 403, 404, 409, 410, 422, 501])
    func refusals(status: Int) async {
        let (client, transport) = self.client([
            .answer(self.get, status: status, self.status(status)), .answer(self.get, [:]),
        ])
        await #expect(throws: KubernetesError.self) { try await client.resources(.services).get("leaf") }
        #expect(transport.remaining == 1)
    }

    @Test("A change that was turned away with a time to come back is sent again, and not too often")
    func turnedAway() async throws {
        let item = "PATCH /api/v1/namespaces/shop/services/leaf"
        let busy = ScriptedTransport.Exchange.answer(item, status: 429, retryAfter: 2, self.status(429))
        let (client, transport) = self.client([busy, .answer(item, ["metadata": ["name": "leaf"]])])
        #expect(try await client.resources(.services).patch("leaf", .json([])).name == "leaf")
        #expect(transport.remaining == 0)
        #expect(self.pauses.recorded == [.seconds(2)])
        let (other, rest) = self.client(Array(repeating: busy, count: 5))
        await #expect(throws: KubernetesError(.tooManyRequests, "")) {
            try await other.resources(.services).patch("leaf", .json([]))
        }
        #expect(rest.remaining == 1)
    }

    @Test("Without that, changes are sent once, whatever happens")
    func writesOnce() async {
        let item = "/api/v1/namespaces/shop/services/leaf"
        let (client, transport) = self.client([
            .failure("PATCH \(item)", self.down),
            .answer("PATCH \(item)", status: 429, self.status(429)),
            .failure("DELETE \(item)", self.down),
            .answer("POST /api/v1/namespaces/shop/services", status: 503, self.status(503)),
        ])
        let services = client.resources(.services)
        await #expect(throws: self.down) { try await services.patch("leaf", .json([])) }
        let busy = await #expect(throws: KubernetesError.self) { try await services.patch("leaf", .json([])) }
        #expect(busy?.code == .tooManyRequests && busy?.isRetryable == true)
        await #expect(throws: self.down) { try await services.delete("leaf") }
        await #expect(throws: KubernetesError(.server, "")) {
            try await services.create(DynamicObject(.services, name: "leaf"))
        }
        #expect(transport.remaining == 0)
        #expect(self.pauses.recorded.isEmpty)
    }

    @Test("Refused credentials are named with their user, context and server")
    func unauthorized() async {
        let (client, _) = self.client([.answer(self.get, status: 401, self.status(401))])
        let error = await #expect(throws: KubernetesError.self) { try await client.resources(.services).get("leaf") }
        #expect(
            error?.description
                == "the credentials of user \"alice\" in context \"test\" were refused by https://scripted:6443 (401): they are"
                + " wrong or have expired; renew them, or choose another context (GET /api/v1/namespaces/shop/services/leaf)"
        )
    }

    @Test("A list is read page by page, and from the start when its token aged")
    func pages() async throws {
        let list = "GET /api/v1/namespaces/shop/pods?labelSelector=app%3Dx&limit=500"
        func page(_ name: String, _ next: String?) -> JSONValue {
            var json: JSONValue = [
                "metadata": ["resourceVersion": "7"], "items": [["metadata": ["name": .string(name)]]],
            ]
            if let next { json["metadata"] = ["resourceVersion": "7", "continue": .string(next)] }
            return json
        }
        let (client, transport) = self.client([
            .answer(list, page("stale", "t1")),
            .answer(list + "&continue=t1", status: 410, self.status(410, "Expired")),
            .answer(list, page("a", "t2")), .answer(list + "&continue=t2", page("b", nil)),
        ])
        let all = try await client.resources(.pods).list(labels: "app=x")
        #expect(all.items.map(\.name) == ["a", "b"])
        #expect(all.resourceVersion == "7")
        #expect(transport.remaining == 0)
    }

    @Test(
        "What no API server answers is told as such, with the mend",
        arguments: [
            (
                302, "",
                "https://scripted:6443 answered with a redirect (302), which is not followed: is it the API server"
            ),
            (
                404, "404 page not found",
                "the API server answered 404: 404 page not found; is https://scripted:6443 an API"
            ),
        ]
    )
    func foreignAnswers(status: Int, body: String, message: String) async {
        let transport = HookedAnswer(base: ScriptedTransport([]), status: status, body: body)
        let client = KubernetesClient(transport: transport, namespace: "shop", policy: self.pauses.policy)
        let error = await #expect(throws: KubernetesError.self) { try await client.version() }
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }

    /// Answers everything with one text.
    private struct HookedAnswer: WrappingTransport {
        let base: any KubernetesTransport
        let status: Int
        let body: String

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            KubernetesResponse(status: self.status, body: KubernetesBody(Array(self.body.utf8)))
        }
    }

    @Test("What is no JSON is said to be no API server")
    func notAnAPIServer() async {
        let (client, _) = self.client([.stream(self.get, ["<html>"])])
        let error = await #expect(throws: KubernetesError.self) { try await client.resources(.services).get("leaf") }
        #expect(error?.code == .protocolViolation)
        #expect(
            error?.message
                == "https://scripted:6443 answered with something else than JSON: is it an API server, or does a login page or a "
                + "proxy stand before it?"
        )
    }

    @Test("A body that breaks off is an unreachable server, and a read is tried again")
    func brokenBody() async throws {
        let (client, _) = self.client([
            .stream(self.get, ["{\"metadata\":"], failing: self.down),
            .answer(self.get, ["metadata": ["name": "leaf"]]),
        ])
        #expect(try await client.resources(.services).get("leaf").name == "leaf")
    }

    @Test("find gives nil for what is not there, and only for that")
    func find() async throws {
        let (client, _) = self.client([
            .answer(self.get, status: 404, self.status(404, "NotFound")),
            .answer(self.get, status: 403, self.status(403)),
        ])
        #expect(try await client.resources(.services).find("leaf") == nil)
        await #expect(throws: KubernetesError(.forbidden, "")) { try await client.resources(.services).find("leaf") }
    }

    @Test("An empty name never becomes the whole collection", arguments: ["", ".", ".."])
    func emptyName(name: String) async {
        let (client, transport) = self.client([])
        await #expect(throws: KubernetesError(.badRequest, "")) { try await client.resources(.services).delete(name) }
        await #expect(throws: KubernetesError(.badRequest, "")) { try await client.resources(.services).get(name) }
        #expect(transport.requests.isEmpty)
    }

    @Test("What a server has is remembered, what it has not is asked again")
    func discovery() async throws {
        let path = "GET /apis/policy/v1"
        let (client, transport) = self.client([
            .answer(path, status: 404, self.status(404)), .answer(path, ["resources": [["name": "other"]]]),
            .answer(path, ["resources": [["name": "poddisruptionbudgets"]]]),
        ])
        #expect(try await client.serves(.podDisruptionBudgets) == false)
        #expect(try await client.serves(.podDisruptionBudgets) == false)
        #expect(try await client.serves(.podDisruptionBudgets) == true)
        #expect(try await client.serves(.podDisruptionBudgets) == true)
        #expect(transport.remaining == 0)
    }

    @Test("Questions about permissions go to the right namespace and give the reason")
    func access() async throws {
        let path = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        let (client, transport) = self.client([
            .answer(path, status: 201, ["status": ["allowed": false, "reason": "no role"]])
        ])
        #expect(
            try await client.canI("create", .pods, subresource: "portforward")
                == AccessAnswer(allowed: false, reason: "no role")
        )
        #expect(transport.requests.first?.body?[path: "spec", "resourceAttributes", "namespace"] == "shop")
    }
}
