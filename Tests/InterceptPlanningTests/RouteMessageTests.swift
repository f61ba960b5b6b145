import InterceptPlanning
import Testing
import TrafficMatch

@Suite("A message between a replica and a laptop")
struct RouteMessageTests {
    private var sightings: RouteSightings {
        var sightings = RouteSightings()
        sightings.instance = 7
        sightings.connections = 3
        sightings.requests = 412
        sightings.matched = 2
        sightings.diverted = 1
        sightings.unsampled = 4
        sightings.yielded = 5
        sightings.fallbacks = ["route-down": 1]
        sightings.unread = ["tls": 6]
        sightings.surveyed = 400
        sightings.misses = [.init(absent: 399, other: 1), .init()]
        sightings.names = ["traceparent": 400]
        sightings.omitsNames = true
        sightings.recent = [
            .init(method: "GET", path: "/\u{1b}[2J\"\n", status: 200, microseconds: 1_500, server: "laptop")
        ]
        return sightings
    }

    @Test("is read as it was written, on one line")
    func roundTrip() {
        for message in [RouteMessage.sightings(self.sightings), .sightings(.init()), .pause(true), .pause(false)] {
            #expect(RouteMessage(line: message.line) == message)
            #expect(!message.line.contains("\n"))
        }
        #expect(RouteMessage.pause(true).line == #"{"pause":true}"#)
    }

    @Test(
        "is nothing where a line holds something else",
        arguments: ["", "{", "[]", "{}", #"{"welcome":{}}"#, #"{"pause":1}"#, #"{"sightings":3}"#]
    )
    func others(line: String) {
        #expect(RouteMessage(line: line) == nil)
    }

    @Test("passes over what it does not know and what is malformed")
    func lenient() {
        let line = #"{"sightings":{"requests":"many","matched":1,"misses":[{"absent":2,"x":1},3],"new":{}},"more":1}"#
        var expected = RouteSightings()
        expected.matched = 1
        expected.misses = [.init(absent: 2), .init()]
        #expect(RouteMessage(line: line) == .sightings(expected))
    }

    @Test("holds counts that can be added up, and no more entries than a replica sends, whatever the line says")
    func tame() throws {
        let names = (0..<1_000).map { "\"h\($0)\":1" }.joined(separator: ",")
        let line = "{\"sightings\":{\"connections\":9223372036854775807,\"matched\":-5,\"names\":{\(names)}}}"
        guard case .sightings(let sightings)? = RouteMessage(line: line) else { throw CancellationError() }
        #expect(sightings.connections == 1 << 40)
        #expect(sightings.matched == 0)
        #expect(sightings.names.count == 256)
    }

    @Test("fits a control line, whatever the requests were")
    func bounded() {
        var sightings = self.sightings
        sightings.names = Dictionary(
            uniqueKeysWithValues: (0..<64).map { (String(repeating: "\"", count: 60) + "\($0)", Int.max) }
        )
        let worst = RouteSightings.RecentRequest(
            method: String(repeating: "\u{1}", count: 32),
            path: String(repeating: "\u{1}", count: 256),
            status: 200,
            microseconds: .max,
            server: "laptop"
        )
        sightings.recent = Array(repeating: worst, count: RouteSightings.mostRecent)
        #expect(RouteMessage.sightings(sightings).line.utf8.count < 64 << 10)
    }
}
