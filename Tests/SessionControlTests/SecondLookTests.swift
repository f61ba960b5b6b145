import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

/// What goes wrong with one call of a client.
struct OneTrouble: Sendable, CustomTestStringConvertible {
    var call: Int
    var fault: ModelAPIServer.Fault
    var testDescription: String { "call \(self.call): \(self.fault)" }
}

@Suite("One call that goes wrong does not end an intercept")
struct SecondLookTests: InterceptScenario {
    private static let troubles = (0..<100).flatMap { call in
        [
            ModelAPIServer.Fault.lost, .answerLost, .answer(500, reason: "InternalError", message: "etcd"),
            .answer(409, reason: "Conflict", message: "later"),
        ]
        .map { OneTrouble(call: call, fault: $0) }
    }

    @Test(
        "It goes through all the same, and leaves nothing",
        .timeLimit(.minutes(5)),
        arguments: SessionKind.allCases,
        troubles
    )
    func through(kind: SessionKind, trouble: OneTrouble) async throws {
        let (cluster, service) = self.world(kind)
        let calls = Mutex(0)
        let server = ModelAPIServer(
            cluster,
            fault: { request in
                let call = calls.withLock { count in
                    defer { count += 1 }
                    return count
                }
                guard call == trouble.call else { return nil }
                // A read is in conflict with nothing.
                if case .answer(409, _, _) = trouble.fault, request.method != .patch { return nil }
                return trouble.fault
            }
        )
        try await self.intercept(self.store(server), service, kind)
        try self.expectUntouched(server, service)
    }

    @Test("A server that refuses every change is given up on soon, and said to have refused")
    func givenUp() async throws {
        let (cluster, service) = self.world(.resource)
        let server = ModelAPIServer(cluster) { request in
            request.method == .post && request.segments.last == "deployments"
                ? .answer(500, reason: "InternalError", message: "failed calling webhook") : nil
        }
        let error = await #expect(throws: KubernetesError.self) {
            try await self.intercept(self.store(server), service, .resource)
        }
        #expect(error?.message.contains("failed calling webhook") == true)
        let tries = server.requests.filter { $0.method == .post && $0.segments.last == "deployments" }.count
        #expect(tries == 4)
    }

    @Test(
        "A close whose answer is lost does not close the Session that somebody made meanwhile",
        arguments: SessionKind.allCases
    )
    func successor(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let server = ModelAPIServer(cluster)
        let first = try await self.hijack(self.store(server), service, kind)
        var second = first
        second.incarnation = String(repeating: "b2", count: 20)
        let store = self.store(SlowAnswer(base: server, successor: second, server: server))
        let after = try await store.update { $0.closing(reason: "tidy") }
        #expect(after?.incarnation == first.incarnation)
        #expect(after?.phase == .closing)
        let stored = try await self.store(server).find()
        #expect(stored?.incarnation == second.incarnation)
        #expect(stored?.phase == .active)
    }
}

/// The answer to the first change is lost, and comes so late that the Session has ended and another one is there.
private struct SlowAnswer: WrappingTransport {
    let base: any KubernetesTransport
    let successor: Session
    let server: ModelAPIServer

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let response = try await self.base.send(request)
        guard request.method == .patch else { return response }
        self.server.change { cluster in
            _ = cluster.handle(.delete(self.successor.kind.type, in: "shop", name: self.successor.name))
            cluster.put(self.successor.object)
        }
        throw KubernetesError(.timeout, "no answer")
    }
}
