import InterceptPlanning
import Synchronization
import Testing
import TrafficMatch

@testable import Interceptor

@Suite("What a replica tells the laptops of their traffic")
struct SightingsReportTests {
    private final class Wire: Sendable {
        let seen = Mutex<[String: RouteSightings]>([:])
        let lines = Mutex<[(line: String, route: String)]>([])

        /// What was sent since the last time, as `route requests paths`.
        func takeSent() -> [String] {
            self.lines.withLock { lines in
                defer { lines = [] }
                return lines.map { line, route in
                    guard case .sightings(let seen)? = RouteMessage(line: line) else { return line }
                    return "\(route) \(seen.requests) \(seen.recent.map(\.path).joined())"
                }.sorted()
            }
        }

        func see(_ route: String, requests: Int, path: String? = nil) {
            var seen = RouteSightings()
            seen.requests = requests
            seen.recent =
                path.map { [.init(method: "GET", path: $0, status: 200, microseconds: 1, server: "laptop")] } ?? []
            self.seen.withLock { $0[route] = seen }
        }
    }

    private let wire = Wire()
    private let state = ReplicaState()

    private func report() -> SightingsReport {
        SightingsReport(
            state: self.state,
            takeSightings: { [wire] in wire.seen.withLock { $0 } },
            send: { [wire] line, route in wire.lines.withLock { $0.append((line, route)) } }
        )
    }

    @Test("is said when it has changed, to the route's own laptop, and never to one that is not there")
    func changes() async {
        let report = self.report()
        self.wire.see("a", requests: 1)
        self.wire.see("b", requests: 2)
        await report.step()
        #expect(self.wire.takeSent().isEmpty)
        self.state.with { $0.tunnels = ["a": 1, "b": 1] }
        await report.step()
        #expect(self.wire.takeSent() == ["a 1 ", "b 2 "])
        self.wire.see("b", requests: 3)
        await report.step()
        #expect(self.wire.takeSent() == ["b 3 "])
        await report.step()
        #expect(self.wire.takeSent().isEmpty)
        self.wire.see("b", requests: 3, path: "/n")
        await report.step()
        #expect(self.wire.takeSent() == ["b 3 /n"], "a request that is over is news, even when no number moved")
    }

    @Test("is said whole to a tunnel that is new")
    func newTunnel() async {
        let report = self.report()
        self.wire.see("a", requests: 1)
        self.state.with { $0.tunnels = ["a": 1] }
        await report.step()
        self.state.with { $0.tunnels = ["a": 2] }
        _ = self.wire.takeSent()
        await report.step()
        #expect(self.wire.takeSent() == ["a 1 "])
        self.state.with { $0.tunnels = [:] }
        await report.step()
        self.state.with { $0.tunnels = ["a": 2] }
        await report.step()
        #expect(self.wire.takeSent() == ["a 1 "])
    }
}
