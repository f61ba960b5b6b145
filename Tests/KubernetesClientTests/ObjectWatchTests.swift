import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import NIOCore
import Synchronization
import Testing

@Suite("Watching objects", .timeLimit(.minutes(5)))
struct ObjectWatchTests {
    private let pauses = Pauses()
    private let list = "GET /api/v1/namespaces/shop/pods?limit=500"
    private let troubles = Troubles()

    final class Troubles: Sendable {
        let all = Mutex<[KubernetesError.Code]>([])
        var codes: [KubernetesError.Code] { self.all.withLock { $0 } }
    }

    private func watch(_ version: String) -> String {
        "GET /api/v1/namespaces/shop/pods?watch=1&allowWatchBookmarks=true&resourceVersion=\(version)&timeoutSeconds=290"
    }

    private func page(_ version: String, _ names: String...) -> JSONValue {
        let items = names.map { ["metadata": ["name": .string($0)]] as JSONValue }
        return ["metadata": ["resourceVersion": .string(version)], "items": .array(items)]
    }

    private func event(_ type: String, _ name: String, _ version: String) -> String {
        let metadata: JSONValue = ["name": .string(name), "resourceVersion": .string(version)]
        let event: JSONValue = ["type": .string(type), "object": ["metadata": metadata]]
        return event.compact + "\n"
    }

    /// The updates in short, until the script is at its end or `count` are there.
    private func follow(_ script: [ScriptedTransport.Exchange], count: Int = .max) async throws -> [String] {
        let transport = ScriptedTransport(script)
        let client = KubernetesClient(transport: transport, namespace: "shop", policy: self.pauses.policy)
        var seen: [String] = []
        do {
            for try await update in client.resources(.pods).watch(onTrouble: { error in
                self.troubles.all.withLock { $0.append(error.code) }
            }) {
                switch update {
                case .reset(let items): seen.append("reset " + items.map(\.name).joined(separator: ","))
                case .applied(let object): seen.append("applied " + object.name)
                case .deleted(let object): seen.append("deleted " + object.name)
                }
                if seen.count == count { break }
            }
        } catch let error as KubernetesError {
            seen.append("threw \(error.code)")
        }
        return seen
    }

    @Test("List, then events in any cut, then on from the last version when the stream ends")
    func ordinary() async throws {
        let text =
            self.event("ADDED", "b", "11") + self.event("MODIFIED", "é😀", "12") + self.event("BOOKMARK", "", "20")
        let chunks = text.unicodeScalars.map { String($0) }
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10", "a")), .stream(self.watch("10"), chunks),
                .stream(self.watch("20"), [self.event("DELETED", "b", "21")]),
            ],
            count: 4
        )
        #expect(seen == ["reset a", "applied b", "applied é😀", "deleted b"])
        #expect(self.troubles.codes.isEmpty)
    }

    @Test("A renewal ends whatever it waits for: a pause, a list, a stream", arguments: ["pause", "list", "stream"])
    func renewal(of what: String) async throws {
        let (reached, there) = AsyncStream<Void>.makeStream()
        let transport = HangingTransport(what: what, there: there)
        var policy = RetryPolicy()
        policy.sleep = { _ in
            there.yield()
            try await Task.sleep(for: .seconds(3600))
        }
        let client = KubernetesClient(transport: transport, namespace: "shop", policy: policy)
        var lists = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in reached { break }
                client.renew()
            }
            for try await update in client.resources(.pods).watch() {
                if case .reset = update { lists += 1 }
                if lists == 2 { break }
            }
            try await group.waitForAll()
        }
        #expect(lists == 2)
    }

    /// Lists twice, and between that hangs in a pause, a list or a stream until it is renewed.
    private final class HangingTransport: KubernetesTransport {
        private let what: String
        private let there: AsyncStream<Void>.Continuation
        private let state = Mutex<(requests: Int, stream: AsyncThrowingStream<ByteBuffer, any Error>.Continuation?)>(
            (0, nil)
        )
        let peer = TransportPeer(server: "https://hanging:6443", user: "somebody")

        init(what: String, there: AsyncStream<Void>.Continuation) {
            self.what = what
            self.there = there
        }

        func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
            let number = self.state.withLock { state in
                state.requests += 1
                return state.requests
            }
            if number == 2 {
                switch self.what {
                case "pause": throw KubernetesError(.unreachable, "down")
                case "list": throw KubernetesError(.expired, "list again")
                default:
                    let (body, stream) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
                    self.state.withLock { $0.stream = stream }
                    self.there.yield()
                    return KubernetesResponse(status: 200, body: KubernetesBody(body))
                }
            }
            if number == 3, self.what == "list" {
                self.there.yield()
                try await Task.sleep(for: .seconds(3600))
            }
            let page: JSONValue = ["metadata": ["resourceVersion": "1"], "items": []]
            return KubernetesResponse(status: 200, body: KubernetesBody(page.bytes))
        }

        func renew() {
            self.state.withLock { $0.stream }?.finish(throwing: KubernetesError(.unreachable, "renewed"))
        }

        func upgrade(
            _ request: KubernetesRequest,
            subprotocol: String,
            on eventLoop: (any EventLoop)?,
            configure: @escaping @Sendable (any Channel) throws -> Void
        ) async throws -> any Channel {
            throw KubernetesError(.unsupported, "no upgrades")
        }

        func shutdown() async throws {}
    }

    @Test("410 as a status and 410 in the stream both give the complete collection anew")
    func expired() async throws {
        let gone = KubernetesStatus(code: 410, reason: "Expired", message: "too old").json
        let failure: JSONValue = ["type": "ERROR", "object": gone]
        let inStream = failure.compact + "\n"
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10", "a")), .answer(self.watch("10"), status: 410, gone),
                .answer(self.list, self.page("30", "b")),
                .stream(self.watch("30"), [self.event("ADDED", "c", "31"), inStream]),
                .answer(self.list, self.page("50", "d")),
            ],
            count: 4
        )
        #expect(seen == ["reset a", "reset b", "applied c", "reset d"])
        #expect(self.troubles.codes == [.expired, .expired])
    }

    @Test("A stream that breaks, inside an event too, goes on from the last whole one")
    func broken() async throws {
        let half = String(self.event("ADDED", "c", "12").prefix(20))
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10")),
                .stream(
                    self.watch("10"),
                    [self.event("ADDED", "b", "11"), half],
                    failing: KubernetesError(.unreachable, "cut")
                ),
                .failure(self.watch("11"), KubernetesError(.unreachable, "down")),
                .answer(self.list, self.page("40", "b", "c")),
            ],
            count: 3
        )
        #expect(seen == ["reset ", "applied b", "reset b,c"])
        #expect(self.troubles.codes == [.unreachable, .unreachable])
        #expect(self.pauses.recorded == [.milliseconds(250), .milliseconds(500)])
    }

    @Test("Half an event is forgotten when the stream is opened again")
    func halfEvent() async throws {
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10")),
                .stream(
                    self.watch("10"),
                    [String(self.event("ADDED", "b", "11").prefix(20))],
                    failing: KubernetesError(.unreachable, "cut")
                ),
                .stream(self.watch("10"), [self.event("ADDED", "b", "11")]),
            ],
            count: 2
        )
        #expect(seen == ["reset ", "applied b"])
        #expect(self.troubles.codes == [.unreachable])
    }

    @Test("A last event without its newline counts when it is whole")
    func lastLine() async throws {
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10")),
                .stream(self.watch("10"), [String(self.event("ADDED", "b", "11").dropLast())]),
            ],
            count: 2
        )
        #expect(seen == ["reset ", "applied b"])
    }

    @Test("A line that is no event is trouble, not the end")
    func nonsense() async throws {
        let seen = try await self.follow(
            [
                .answer(self.list, self.page("10")), .stream(self.watch("10"), ["<html>\n"]),
                .stream(self.watch("10"), [self.event("ADDED", "b", "11")]),
            ],
            count: 2
        )
        #expect(seen == ["reset ", "applied b"])
        #expect(self.troubles.codes == [.protocolViolation])
    }

    @Test("The first list's failure is thrown; a later refusal only when it lasts")
    func failures() async throws {
        let no = KubernetesStatus(code: 403, reason: "Forbidden", message: "no").json
        #expect(try await self.follow([.answer(self.list, status: 403, no)]) == ["threw forbidden"])
        var script: [ScriptedTransport.Exchange] = [.answer(self.list, self.page("10"))]
        script += [.answer(self.watch("10"), status: 403, no), .answer(self.watch("10"), status: 403, no)]
        script += Array(repeating: .answer(self.list, status: 403, no), count: 4)
        #expect(try await self.follow(script) == ["reset ", "threw forbidden"])
        #expect(self.troubles.codes.count == 1 + 6)
    }

    @Test("Cancelling the reader ends a watch that waits for news")
    func cancelling() async throws {
        let server = ModelAPIServer()
        let client = KubernetesClient(transport: server, namespace: "shop")
        let (first, isThere) = AsyncStream<Void>.makeStream()
        let reader = Task {
            for try await _ in client.resources(.pods).watch() { isThere.yield() }
        }
        for await _ in first { break }
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
    }

    @Test("Against the model: every change is seen, through ended streams and forgotten versions")
    func model() async throws {
        let server = ModelAPIServer()
        let client = KubernetesClient(transport: server, namespace: "shop", policy: self.pauses.policy)
        let pods = client.resources(.pods)
        _ = try await pods.create(
            DynamicObject(.pods, name: "p", namespace: "shop", ["metadata": ["labels": ["app": "x"]]])
        )
        var view: [String: DynamicObject] = [:]
        var step = 0
        for try await update in pods.watch(labels: "app=x") {
            switch update {
            case .reset(let items): view = Dictionary(items.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            case .applied(let object): view[object.name] = object
            case .deleted(let object): view[object.name] = nil
            }
            #expect(Set(view.keys) == Set(server.cluster.all(.pods).filter { $0.labels["app"] == "x" }.map(\.name)))
            step += 1
            switch step {
            case 1:
                _ = try await pods.create(DynamicObject(.pods, name: "other", namespace: "shop"))
                _ = try await pods.create(
                    DynamicObject(.pods, name: "q", namespace: "shop", ["metadata": ["labels": ["app": "x"]]])
                )
            case 2:
                server.endWatches()
                _ = try await pods.patch("q", .merge(["metadata": ["labels": ["app": "y"]]]))
            case 3:
                server.endWatches(forgetting: true)
                try await pods.delete("p")
                server.change { $0.oldestVersion = $0.version }
            default: break
            }
            if step == 4 { break }
        }
        #expect(view.isEmpty)
        try await client.shutdown()
    }
}
