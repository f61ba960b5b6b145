import ProxyCore
import Telemetry
import Testing
import TrafficMatch

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("The table of routes")
struct RouteTableTests {
    private func route(_ id: String) throws -> Route {
        let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: id)])
        return Route(id: id, match: match, upstreamPath: "/\(id)", isUp: true)
    }

    @Test("keeps a route's counts when it is replaced, and forgets them when it goes")
    func counts() throws {
        let table = RouteTable()
        table.replace(port: 80, with: [try self.route("a"), try self.route("b")])
        table.entries(port: 80).first?.counters.seen.add(3)
        table.setUp(false, route: "a")
        #expect(table.entries(port: 80).map(\.route.isUp) == [false, true])
        table.replace(with: [80: [try self.route("b"), try self.route("a")], 81: [try self.route("a")]])
        #expect(table.counts().map(\.seen) == [0, 3, 0])
        table.replace(port: 80, with: [try self.route("b")])
        table.replace(port: 80, with: [try self.route("a")])
        #expect(table.counts().map(\.seen) == [0, 0])
    }

    @Test("has another version after every change")
    func versions() throws {
        let table = RouteTable()
        let first = table.currentVersion
        table.replace(port: 80, with: [try self.route("a")])
        let second = table.currentVersion
        table.setUp(false, route: "a")
        #expect(first != second && second != table.currentVersion)
    }
}
