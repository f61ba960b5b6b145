import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import NIOCore
import Synchronization
import Testing
import TunnelTransport

@testable import Intercept

@Suite("The local ports")
struct LocalServiceTests {
    private final class Said: Sendable {
        private let events = Mutex<[InterceptEvent]>([])
        func add(_ event: InterceptEvent) { self.events.withLock { $0.append(event) } }
        var all: [InterceptEvent] { self.events.withLock { $0 } }
    }

    private let said = Said()

    private func service(limit: Int? = nil) -> LocalService {
        LocalService(requestLimit: limit) { [said] in said.add($0) }
    }

    private func address(_ host: String, _ port: Int = 3_000) throws -> SocketAddress {
        try SocketAddress(ipAddress: host, port: port)
    }

    @Test("Both loopback addresses are tried, the one that answered last first")
    func order() throws {
        let service = self.service()
        #expect(service.addresses(port: 3_000) == [try self.address("127.0.0.1"), try self.address("::1")])
        service.became(.accepted(try self.address("::1")), port: 3_000)
        #expect(service.addresses(port: 3_000) == [try self.address("::1"), try self.address("127.0.0.1")])
        #expect(service.addresses(port: 4_000).first == (try self.address("127.0.0.1", 4_000)))
    }

    @Test("A port where nothing listens is told once, and again when it is back; each outage anew")
    func outage() throws {
        let service = self.service()
        let accepted = LocalOutcome.accepted(try self.address("127.0.0.1"))
        for outcome in [accepted, .refused, .refused, .abandoned, accepted, accepted, .refused] {
            service.became(outcome, port: 3_000)
        }
        service.became(.refused, port: 4_000)
        #expect(
            self.said.all == [
                .localPortLost(3_000), .localPortBack(3_000), .localPortLost(3_000), .localPortLost(4_000),
            ]
        )
    }

    @Test("A port that takes connections and cannot be spoken to is told once, with the mend, and when it is back")
    func unfit() throws {
        let service = LocalService(requestLimit: 1, scheme: .tls(try LocalTLS())) { [said] in said.add($0) }
        for outcome in [.unfit("it says no"), .unfit("it says no"), .accepted(try self.address("::1"))]
            as [LocalOutcome]
        {
            #expect(!service.addresses(port: 3_000).isEmpty, "what was not answered does not count")
            service.became(outcome, port: 3_000)
        }
        #expect(self.said.all.count == 2)
        guard case .warning(let text) = self.said.all.first else { return #expect(Bool(false)) }
        #expect(text.contains("port 3000") && text.contains("it says no") && text.contains("leave --local-scheme out"))
        #expect(self.said.all.last == .localPortBack(3_000))
    }

    @Test("Who takes any certificate is told; an authority that is none is refused before anything is changed")
    func authority() throws {
        #expect(LocalSchemeChoice.https(authority: nil).notice?.contains("--local-ca") == true)
        #expect(LocalSchemeChoice.https(authority: [1]).notice == nil)
        #expect(LocalSchemeChoice.http.notice == nil)
        let error = #expect(throws: InterceptError.self) {
            try Scene().run(change: { $0.localScheme = .https(authority: Array("x".utf8)) })
        }
        #expect(error?.code == .badArgument)
        #expect(error?.message.contains("--local-ca") == true)
    }

    @Test("No more connections are taken than the limit says; those that were not answered do not count")
    func limit() throws {
        let service = self.service(limit: 2)
        let accepted = LocalOutcome.accepted(try self.address("127.0.0.1"))
        #expect(!service.addresses(port: 1).isEmpty)
        service.became(.refused, port: 1)
        #expect(!service.addresses(port: 1).isEmpty)
        service.became(.abandoned, port: 1)
        #expect(!service.addresses(port: 1).isEmpty)
        service.became(accepted, port: 1)
        #expect(!service.addresses(port: 2).isEmpty, "the limit is for all ports together")
        #expect(service.addresses(port: 1).isEmpty)
    }

    @Test("The limit is reached when the last answer is over, not before", .timeLimit(.minutes(5)))
    func reached() async throws {
        var budget = RequestBudget(limit: 2)
        #expect([budget.take(), budget.take(), budget.take()] == [true, true, false])
        #expect([budget.finish(), budget.finish()] == [false, true])

        let service = self.service(limit: 1)
        async let reason = service.limitReached()
        _ = service.addresses(port: 1)
        service.became(.accepted(try self.address("127.0.0.1")), port: 1)
        service.became(.ended, port: 1)
        #expect(try await reason == "1 request was taken")
    }

    @Test("Without a limit it is never reached")
    func unlimited() {
        var budget = RequestBudget(limit: nil)
        for _ in 0..<100 {
            let step = (budget.take(), budget.finish())
            #expect(step == (true, false))
        }
    }

    @Test("A limit of requests marks the route, so that each request gets a stream of its own", arguments: [nil, 3])
    func marked(limit: Int?) async throws {
        let scene = Scene()
        _ = try await scene.run(change: { $0.requestLimit = limit }).join()
        #expect(try scene.session()?.routes.map(\.isBounded) == [limit != nil])
    }

    @Test("A limit of time ends the intercept by itself, says why, and leaves nothing", .timeLimit(.minutes(5)))
    func time() async throws {
        let scene = Scene()
        let run = try scene.run(change: { $0.timeLimit = .init(.zero, reason: "it is 17:00") })
        let (never, _) = AsyncStream<Void>.makeStream()
        try await run.run(until: { for await _ in never {} })
        #expect(scene.events.contains(.finished("it is 17:00")))
        #expect(try scene.session() == nil)
        #expect(scene.server.cluster[.services, "shop", "leaf"]?["spec"] == scene.service["spec"])
    }
}
