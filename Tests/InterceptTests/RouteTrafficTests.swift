import InterceptPlanning
import Synchronization
import Testing
import TrafficMatch

@testable import Intercept

@Suite("The traffic of an intercept")
struct RouteTrafficTests {
    private final class Wire: Sendable {
        private let lines = Mutex<[String]>([])
        func send(_ line: String) { self.lines.withLock { $0.append(line) } }
        var all: [String] { self.lines.withLock { $0 } }
    }

    private func line(_ instance: Int, requests: Int, names: [String: Int] = [:], paths: [String] = []) -> String {
        var seen = RouteSightings()
        seen.instance = instance
        seen.requests = requests
        seen.names = names
        seen.recent = paths.map { .init(method: "GET", path: $0, status: 200, microseconds: 1, server: "laptop") }
        return RouteMessage.sightings(seen).line
    }

    @Test("is the sum over replicas; one that counts anew adds to what it saw before")
    func sum() {
        let traffic = RouteTraffic()
        traffic.received(self.line(1, requests: 5, names: ["a": 5], paths: ["/1"]), from: "p")
        traffic.received(self.line(2, requests: 1, paths: ["/2"]), from: "q")
        traffic.received(self.line(1, requests: 7, names: ["a": 6]), from: "p")
        #expect(traffic.sightings.requests == 8)
        traffic.received(self.line(3, requests: 2, names: ["a": 1], paths: ["/3"]), from: "p")
        traffic.received("{\"news\":true}", from: "p")
        #expect(traffic.sightings.requests == 10)
        #expect(traffic.sightings.names == ["a": 7])
        #expect(traffic.sightings.recent.map(\.path) == ["/1", "/2", "/3"])
    }

    @Test("is paused at every replica, at one that comes later too, and each is told once")
    func pause() {
        let traffic = RouteTraffic(), first = Wire(), second = Wire(), third = Wire()
        traffic.opened(to: "p", wasPaused: false) { first.send($0) }
        traffic.setPaused(true)
        traffic.setPaused(true)
        #expect(first.all == ["{\"pause\":true}"])
        traffic.opened(to: "q", wasPaused: true) { second.send($0) }
        #expect(second.all.isEmpty, "its greeting said so")
        traffic.opened(to: "r", wasPaused: false) { third.send($0) }
        #expect(third.all == ["{\"pause\":true}"], "paused between its greeting and its welcome")
        traffic.closed(to: "p")
        traffic.setPaused(false)
        #expect(first.all.count == 1)
        #expect(second.all == ["{\"pause\":false}"])
        #expect(!traffic.isPaused)
    }

    @Test("is told of after 10 s without a diverted request, then ever more rarely, and only when it has changed")
    func schedule() {
        var schedule = NearMissSchedule()
        var seen = RouteSightings()
        func times(_ range: ClosedRange<Int>, _ change: (Int, inout RouteSightings) -> Void) -> [Int] {
            range.filter { second in
                change(second, &seen)
                return schedule.isDue(seen, elapsed: .seconds(second))
            }
        }
        #expect(times(1...500) { $1.requests = $0 } == [10, 40, 130, 400])
        #expect(times(501...3_000) { _, _ in } == [1_210], "and then nothing changes")
        #expect(times(3_001...6_000) { $1.requests = $0 } == [3_001, 3_901, 4_801, 5_701])
        seen.matched = 1
        #expect(times(6_001...6_900) { $1.requests = $0 } == [], "a request that stands in a debugger is no miss")
        seen.fallbacks = ["local-refused": 1]
        #expect(times(6_901...6_901) { $1.requests = $0 } == [6_901])
        seen.diverted = 1
        #expect(times(6_001...9_000) { $1.requests = $0 } == [])
    }

    @Test("that nobody sees is told as a near miss; while it is paused, it is not", .timeLimit(.minutes(5)))
    func watch() async throws {
        let traffic = RouteTraffic()
        let match = try RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")])
        let (said, continuation) = AsyncStream.makeStream(of: InterceptEvent.self)
        let clock = TickingClock()
        let watch = NearMissWatch(
            traffic: traffic,
            clock: clock,
            report: { TrafficReport(sightings: $0, match: match, service: "shop/leaf") },
            events: { continuation.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            var events = said.makeAsyncIterator()
            guard case .nearMiss(let report)? = await events.next() else { throw CancellationError() }
            #expect(report.sightings == RouteSightings())
            #expect(clock.elapsed >= .seconds(10))
            traffic.received(self.line(1, requests: 3), from: "p")
            guard case .nearMiss(let second)? = await events.next() else { throw CancellationError() }
            #expect(second.sightings.requests == 3)
            traffic.setPaused(true)
            traffic.received(self.line(1, requests: 4), from: "p")
            let paused = clock.elapsed
            while clock.elapsed < paused + .seconds(2_000) { await Task.yield() }
            traffic.setPaused(false)
            guard case .nearMiss? = await events.next() else { throw CancellationError() }
            #expect(clock.elapsed >= paused + .seconds(2_000))
            group.cancelAll()
        }
    }
}

/// A clock on which every sleep is over at once, and as long as it was.
private final class TickingClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Swift.Duration
        func advanced(by duration: Swift.Duration) -> Instant { Instant(offset: self.offset + duration) }
        func duration(to other: Instant) -> Swift.Duration { other.offset - self.offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Swift.Duration.zero)
    var elapsed: Swift.Duration { self.time.withLock { $0 } }
    var now: Instant { Instant(offset: self.elapsed) }
    let minimumResolution = Swift.Duration.zero

    func sleep(until deadline: Instant, tolerance: Swift.Duration?) async throws {
        try Task.checkCancellation()
        self.time.withLock { $0 = max($0, deadline.offset) }
        await Task.yield()
    }
}
