import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization
import Testing

@Suite("The swap")
struct SwapTests: InterceptScenario {
    @Test("Pods are looked at last: nothing is asked between them and the swap", arguments: SessionKind.allCases)
    func last(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        _ = try await self.hijack(self.store(server), service, kind)
        let requests = server.requests
        let swap = try #require(
            requests.firstIndex { $0.method == .patch && $0.segments.suffix(2) == ["services", "leaf"] }
        )
        #expect(
            requests[swap - 1].method == .get && requests[swap - 1].segments.last == "pods",
            "\(requests[swap - 1])"
        )
    }

    @Test("Without a Pod that can serve at that moment the Service stays what it is", arguments: SessionKind.allCases)
    func unserved(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let store = self.store(server)
        let session = try await self.session(store, service, kind)
        let controller = SessionController(store: store, role: .client)
        let (_, waiting, _) = try await controller.converge(on: session.incarnation) { $0.contains(where: \.canServe) }
        #expect(waiting == .proof)
        #expect(server.cluster[.services, "shop", "leaf"]?["spec"] == service["spec"])
    }

    /// An intercept whose interceptor stands, and the swaps that are sent to the server.
    private func ready(
        onRevert: Route.OnRevert = .yield,
        refusing: @escaping @Sendable (ModelAPIServer, _ count: Int) -> Int? = { _, _ in nil },
        following: @escaping @Sendable (ModelAPIServer, DynamicObject) -> Void = { _, _ in }
    ) async throws -> (SessionController, SwapTransport, Session) {
        let (cluster, service) = self.world(.resource)
        let (server, _) = self.server(cluster, dyingAt: nil)
        let session = try await self.session(self.store(server), service, .resource)
        let pod = DynamicObject(
            .pods,
            name: "replica",
            namespace: "shop",
            [
                "metadata": ["uid": "p", "labels": JSONValue(Marks.selector(incarnation: session.incarnation))],
                "status": ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]],
            ]
        )
        server.change { _ = $0.put(pod) }
        let transport = SwapTransport(server, refusing: refusing) { following($0, service) }
        let store = self.store(transport)
        let replica = Replica(pod: "replica", fingerprint: "f").json
        let written = try #require(try await store.find())
        try await store.mergeStatus(["replicas": ["p": replica]], of: written)
        try await store.update { session in
            guard session.routes[0].onRevert != onRevert else { return nil }
            var changed = session
            changed.routes[0].onRevert = onRevert
            return changed
        }
        let controller = SessionController(store: store, role: .client)
        _ = try await controller.converge(on: session.incarnation)
        return (controller, transport, session)
    }

    private func canServe(_ pods: [InterceptorPod]) -> Bool { pods.contains(where: \.canServe) }

    @Test(
        "What is taken back before anybody looks is not swapped again in the same breath",
        arguments: [Route.OnRevert.yield, .reassert],
        [false, true]
    )
    func takenBack(onRevert: Route.OnRevert, wasHijacked: Bool) async throws {
        // To swap what was seen hijacked needs a laptop that wants it so.
        guard onRevert == .reassert || !wasHijacked else { return }
        let (controller, transport, session) = try await self.ready(
            onRevert: onRevert,
            following: { server, service in server.change { _ = $0.put(service) } }
        )
        let (now, waiting, hasSwapped) = try await controller.converge(
            on: session.incarnation,
            wasHijacked: wasHijacked,
            isProven: self.canServe
        )
        #expect(transport.count == 1 && hasSwapped)
        #expect(waiting == (onRevert == .yield ? .drain(replicas: 1) : .reassertion))
        let reason = try #require(now.session).closeReason
        #expect(reason.hasPrefix(Session.revertReason) == (onRevert == .yield), "\(reason)")
    }

    @Test("A swap that somebody was faster with is its caller's to try again")
    func lost() async throws {
        let (controller, transport, session) = try await self.ready(refusing: { _, count in count == 1 ? 409 : nil })
        let first = try await controller.converge(on: session.incarnation, isProven: self.canServe)
        #expect(first.waiting == .proof && !first.hasSwapped && transport.count == 1)
        let second = try await controller.converge(on: session.incarnation, isProven: self.canServe)
        #expect(second.waiting == nil && second.hasSwapped && transport.count == 2)
    }

    @Test(
        "A swap that a busy server turns away is sent again only after another look at the Pods",
        arguments: [false, true]
    )
    func turnedAway(isEvicted: Bool) async throws {
        let (controller, transport, session) = try await self.ready(refusing: { server, count in
            guard count == 1 else { return nil }
            if isEvicted { server.change { _ = $0.handle(.delete(.pods, in: "shop", name: "replica")) } }
            return 429
        })
        let (now, waiting, hasSwapped) = try await controller.converge(
            on: session.incarnation,
            isProven: self.canServe
        )
        #expect(hasSwapped == !isEvicted && waiting == (isEvicted ? .proof : nil))
        #expect(try ServiceSwap(session).isHijacked(#require(now.service)) == !isEvicted)
        #expect(transport.count == (isEvicted ? 1 : 2))
    }

    @Test("A server that stays busy is not asked for ever")
    func busy() async throws {
        let (controller, transport, session) = try await self.ready(refusing: { _, _ in 429 })
        await #expect(throws: KubernetesError(.tooManyRequests, "")) {
            _ = try await controller.converge(on: session.incarnation, isProven: self.canServe)
        }
        #expect(transport.count == 4)
    }
}

/// Counts the swaps; answers them otherwise, or lets something follow them.
private final class SwapTransport: WrappingTransport {
    private let server: ModelAPIServer
    private let refusing: @Sendable (ModelAPIServer, Int) -> Int?
    private let following: @Sendable (ModelAPIServer) -> Void
    private let swaps = Mutex(0)

    var base: any KubernetesTransport { self.server }
    var count: Int { self.swaps.withLock { $0 } }

    init(
        _ server: ModelAPIServer,
        refusing: @escaping @Sendable (ModelAPIServer, Int) -> Int?,
        following: @escaping @Sendable (ModelAPIServer) -> Void
    ) {
        self.server = server
        self.refusing = refusing
        self.following = following
    }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let isSwap = (request.body?.array ?? []).contains {
            $0["op"] == "replace" && $0["path"] == "/spec/selector" && $0["value"]?[Marks.sessionLabel] != nil
        }
        guard isSwap else { return try await self.server.send(request) }
        let count = self.swaps.withLock { count in
            count += 1
            return count
        }
        if let status = self.refusing(self.server, count) {
            let refusal = KubernetesStatus(code: status, reason: status == 409 ? "Conflict" : "", message: "no")
            return KubernetesResponse(status: status, retryAfter: 0, body: KubernetesBody(refusal.json.bytes))
        }
        defer { self.following(self.server) }
        return try await self.server.send(request)
    }
}
