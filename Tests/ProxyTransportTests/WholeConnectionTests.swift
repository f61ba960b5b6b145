import NIOCore
import ProxyCore
import Testing
import TrafficMatch
import Tunnel

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("Over real sockets, a connection that a route takes as a whole", .timeLimit(.minutes(5)))
struct WholeConnectionTests {
    @Test("goes into the tunnel from its first byte, whoever speaks first, and the original sees nothing of it")
    func passes() async throws {
        try await Harness.run { harness in
            try harness.setRoute(match: .everything)
            let client = try await harness.connect()
            let (stream, header) = try await harness.acceptStream()
            #expect(harness.routes.counts().map(\.matched) == [1])
            #expect(header.route == "alice")
            try await stream.write("220 laptop\r\n")
            #expect(await client.text("220 laptop\r\n") == "220 laptop\r\n")
            try await client.write("EHLO\r\n")
            #expect(await stream.text("EHLO\r\n") == "EHLO\r\n")
            try await stream.close()
            try await client.close()
            harness.routes.replace(with: [:])
            let other = try await harness.connect()
            try await other.write(get())
            let origin = try await harness.origin.accept()
            #expect(
                await origin.text(get()) == get(),
                "the first connection that the original sees is the second client's"
            )
            try await origin.close()
            try await other.close()
            let lines = try await harness.logLines(2)
            #expect(lines.contains { $0.contains("whole-connection") }, "\(lines)")
        }
    }

    @Test("goes to the original when the laptop refuses it")
    func failsOpen() async throws {
        try await Harness.run { harness in
            try harness.setRoute(match: .everything)
            let client = try await harness.connect()
            let (stream, _) = try await harness.acceptStream(acknowledge: false)
            try await client.write("raw \u{1}")
            try await stream.close()
            let origin = try await harness.origin.accept()
            #expect(await origin.text("raw \u{1}") == "raw \u{1}")
            try await origin.write("answer")
            #expect(await client.text("answer") == "answer")
        }
    }

    @Test("A request outside of the sample goes to the original as if nobody had asked for it")
    func outsideOfSample() async throws {
        try await Harness.run { harness in
            try harness.setRoute(samplePer10000: 0)
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            #expect(await origin.text(get(user: "alice")) == get(user: "alice"))
            try await origin.write(ok("1"))
            #expect(await client.text(ok("1")) == ok("1"), "without a word of explanation")
            #expect(harness.routes.counts().map(\.matched) == [0])
        }
    }

    @Test("A connection outside of the sample is not asked again, request by request; other routes still are")
    func decidedOnce() throws {
        let all = LoopRoute(.of(Route(id: "all", match: .everything, upstreamPath: "/a", isUp: true)))
        let alice = LoopRoute(
            .of(
                Route(
                    id: "alice",
                    match: try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")]),
                    upstreamPath: "/b",
                    isUp: true
                )
            )
        )
        func taker(_ routes: [LoopRoute], isOutsideSample: Bool) -> String? {
            routes.choose(isOutsideSample: isOutsideSample, isSatisfied: { _ in true }, survey: { _ in })?.route.id
        }
        #expect(taker([all, alice], isOutsideSample: true) == "alice")
        #expect(taker([all, alice], isOutsideSample: false) == "all")
        #expect(taker([all], isOutsideSample: true) == nil)
        #expect(alice.takeSightings().yielded == 1)
    }

    @Test("A sample is about its share", arguments: [(0, 0...0), (5_000, 4_500...5_500), (10_000, 10_000...10_000)])
    func share(per10000: Int, expected: ClosedRange<Int>) throws {
        var route = Route(id: "a", match: .everything, upstreamPath: "/a", isUp: true)
        route.samplePer10000 = per10000
        let onLoop = LoopRoute(.of(route))
        #expect(expected.contains((0..<10_000).count { _ in onLoop.route.isSampled }))
    }
}

extension RouteEntry {
    static func of(_ route: Route) -> RouteEntry { RouteEntry(route: route, counters: RouteCounters()) }
}
