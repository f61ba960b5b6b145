import HTTP2Relay
import HTTP2Wire
import HTTPWire
import ProxyCore
import Testing
import TrafficMatch

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("What a route saw", .timeLimit(.minutes(5)))
struct SightingsTests {
    /// Sends requests one after the other on one connection; the original answers.
    private func ask(_ harness: Harness, _ requests: [String]) async throws {
        let client = try await harness.connect()
        let origin = try await harness.origin.accept()
        for request in requests {
            try await client.write(request)
            await origin.text(request)
            origin.drop(request.utf8.count)
            try await origin.write(ok("o"))
            await client.text(ok("o"))
            client.drop(ok("o").utf8.count)
        }
    }

    private func sightings(_ harness: Harness) async throws -> RouteSightings {
        try #require(await harness.listener.takeSightings()["alice"])
    }

    @Test("counts requests that lacked the header, that had another value, and the names they carried")
    func nearMisses() async throws {
        try await Harness.run { harness in
            let trace = "Traceparent: 00-a\r\n"
            try await self.ask(harness, [get(fields: trace), get(user: "bob"), get("/secret", fields: trace)])
            try await self.ask(harness, [get(user: "bob", fields: trace)])
            let seen = try await self.sightings(harness)
            #expect(seen.connections == 2 && seen.requests == 4 && seen.matched == 0 && seen.surveyed == 4)
            #expect(seen.misses == [.init(absent: 2, other: 2)])
            #expect(seen.names == ["host": 4, "traceparent": 3, "x-user": 2])
            #expect(seen.recent.isEmpty, "of requests that are not the route's, nothing but counts and names")
        }
    }

    @Test("looks at nothing closely any more once a request has matched, and tells of those that did")
    func matches() async throws {
        try await Harness.run { harness in
            try await self.ask(harness, [get()])
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/n?q=1", user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get("/n?q=1", user: "alice"))
            try await stream.write(ok("local"))
            await client.text(ok("local"))
            try await client.write(get())
            await origin.text(get())
            try await origin.write(ok("o"))
            await client.text(ok("local") + ok("o"))
            let seen = try await self.sightings(harness)
            #expect(seen.requests == 3 && seen.matched == 1 && seen.diverted == 1 && seen.surveyed == 1)
            #expect(seen.recent.map { "\($0.method) \($0.path) \($0.status) \($0.server)" } == ["GET /n 200 laptop"])
            #expect(try await self.sightings(harness).recent.isEmpty, "they are handed over once")
        }
    }

    @Test("counts what fell back, by reason")
    func fallbacks() async throws {
        try await Harness.run(isUp: false) { harness in
            try await self.ask(harness, [get()])
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            await origin.text(get(user: "alice"))
            try await origin.write(ok("o"))
            await client.text { $0.hasSuffix("\r\n\r\no") }
            let seen = try await self.sightings(harness)
            #expect(seen.matched == 1 && seen.diverted == 0 && seen.fallbacks == ["route-down": 1])
            #expect(seen.recent.map(\.server) == ["original"])
        }
    }

    @Test("leaves everything to the original while it is paused, without a word, and takes it again afterwards")
    func pause() async throws {
        try await Harness.run { harness in
            func pause(_ isPaused: Bool) {
                harness.routes.replace(
                    port: 80,
                    with: harness.routes.entries(port: 80).map { entry in
                        var route = entry.route
                        route.isPaused = isPaused
                        return route
                    }
                )
            }
            pause(true)
            try await self.ask(harness, [get(user: "alice")])
            pause(false)
            let client = try await harness.connect()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            let seen = try await self.sightings(harness)
            #expect(seen.requests == 2 && seen.matched == 1)
        }
    }

    @Test("counts connections that pass unread, those that are still open too")
    func unread() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
            await origin.wait { $0.bytes.count == 10 }
            #expect(try await self.sightings(harness).unread == ["tls": 1])
            try await client.close()
            try await origin.close()
            _ = try await harness.logLines(1)
            #expect(try await self.sightings(harness).unread == ["tls": 1])
        }
    }

    @Test("begins anew, under another number, when the route goes and comes back")
    func instances() async throws {
        try await Harness.run { harness in
            try await self.ask(harness, [get()])
            let first = try await self.sightings(harness)
            try harness.setRoute(isUp: false)
            #expect(try await self.sightings(harness).instance == first.instance)
            harness.routes.replace(port: 80, with: [])
            try harness.setRoute()
            let second = try await self.sightings(harness)
            #expect(second.instance != first.instance && second.requests == 0 && second.surveyed == 0)
        }
    }

    @Test("is a sample after a thousand requests, and costs nothing after a match")
    func sampling() throws {
        let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
        let route = LoopRoute(.of(Route(id: "alice", match: match, upstreamPath: "/", isUp: true)))
        var looks = 0
        func ask(_ count: Int, isSatisfied: Bool) {
            for _ in 0..<count {
                _ = [route].choose(
                    isOutsideSample: false,
                    isSatisfied: { _ in isSatisfied },
                    survey: { survey in
                        looks += 1
                        RequestSample().withRequestView { survey.note($0) }
                    }
                )
            }
        }
        ask(1_024, isSatisfied: false)
        #expect(looks == 1_024)
        ask(3_200, isSatisfied: false)
        #expect(looks == 1_124)
        ask(1, isSatisfied: true)
        ask(3_200, isSatisfied: false)
        #expect(looks == 1_124)
    }
}
