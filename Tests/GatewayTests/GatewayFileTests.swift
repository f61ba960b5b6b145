import Gateway
import GatewayCore
import Testing
import TrafficMatch

@Suite("The settings file of a gateway")
struct GatewayFileTests {
    @Test("everything that there is")
    func everything() throws {
        let settings = try GatewayFile.settings(
            """
            listeners:
              - name: web
                address: 0.0.0.0:8080
                routes:
                  - match: {header: ["x-user: ada", "x-team: a"], path-prefix: /api, method: GET}
                    cluster: ada
                  - cluster: all
                timeouts: {head: 5s, idle: 2m, stall: 500ms, linger: 1s}
                limits: {head: 32KiB}
              - address: "[::1]:0"
                routes: [{cluster: all}]
            clusters:
              - name: all
                endpoints: [127.0.0.1:9001, "[::1]:9002", example.org:80]
              - name: ada
                endpoints: [127.0.0.1:9003]
                timeouts: {connect: 1s, response: 1h, idle: 10s}
                attempts: 2
                idle-connections: 7
                balance: least-request
                health: {path: /well, host: a, interval: 1s, timeout: 2s, up-after: 3, down-after: 4}
                eject: {after: 6, for: 1m, on: [500, 503]}
                retry: {on: [502, 429, reset], budget: 5%}
                limits: {requests: 9}
            """,
            file: "f"
        )
        #expect(settings.listeners.map(\.name) == ["web", "[::1]:0"])
        #expect(settings.listeners[0].bounds.idle == .seconds(120))
        #expect(settings.listeners[0].bounds.stall == .milliseconds(500))
        #expect(settings.listeners[0].bounds.headBytes == 32 << 10)
        #expect(settings.listeners[1].bounds == ListenerBounds())
        #expect(settings.listeners[0].routes.map(\.cluster) == [1, 0])
        let match = try RequestMatch([
            .header(HeaderMatch(parsing: "x-user: ada")), .header(HeaderMatch(parsing: "x-team: a")),
            .path(PathMatch(.prefix("/api"))), .method(MethodMatch("GET")),
        ])
        #expect(settings.listeners[0].routes.map(\.match) == [match, .everything])
        #expect(
            settings.clusters[0].endpoints.map(\.description) == ["127.0.0.1:9001", "[::1]:9002", "example.org:80"]
        )
        #expect(settings.clusters[1].bounds.attempts == 2)
        #expect(settings.clusters[1].bounds.idleConnections == 7)
        #expect(settings.clusters[1].bounds.response == .seconds(3_600))
        let all = settings.clusters[0]
        #expect(all.balance == .roundRobin && all.health == nil && all.ejection == .init() && all.retry.isIdle)
        #expect(all.bounds.requests == nil)
        let ada = settings.clusters[1]
        #expect(ada.balance == .leastRequest)
        var check = HealthCheck(path: "/well")
        (check.host, check.interval, check.timeout) = ("a", .seconds(1), .seconds(2))
        (check.upAfter, check.downAfter) = (3, 4)
        #expect(ada.health == check)
        var ejection = Ejection()
        (ejection.after, ejection.pause, ejection.statuses) = (6, .seconds(60), [500, 503])
        #expect(ada.ejection == ejection)
        #expect(ada.retry.statuses == [429, 502] && ada.retry.isForResets && ada.retry.budget == 5)
        #expect(ada.bounds.requests == 9)
    }

    @Test("a listener with a cluster of its own passes bytes unread, with an hour to stand still")
    func unread() throws {
        let settings = try GatewayFile.settings(
            """
            listeners:
              - {address: 127.0.0.1:5432, cluster: b}
              - {name: redis, address: 127.0.0.1:6379, cluster: a, timeouts: {idle: 5m}}
            clusters: [{name: a, endpoints: [127.0.0.1:1]}, {name: b, endpoints: [127.0.0.1:2]}]
            """,
            file: "f"
        )
        #expect(settings.listeners.map(\.cluster) == [1, 0])
        #expect(settings.listeners.map(\.name) == ["127.0.0.1:5432", "redis"])
        #expect(settings.listeners.map(\.bounds.idle) == [.seconds(3_600), .seconds(300)])
    }

    @Test(
        "what is wrong with a listener that passes bytes unread is named",
        arguments: [
            ("cluster: al", "f:1: listeners[0].cluster: no cluster is named al; there are all"),
            ("cluster: all, routes: [{cluster: all}]", "f:1: listeners[0]: routes and cluster are both there"),
            ("name: x", "f:1: listeners[0]: routes are missing, for requests of HTTP; or cluster"),
            ("cluster: all, timeouts: {head: 1s}", "f:1: listeners[0].timeouts.head: no such key; there are idle"),
            ("cluster: all, limits: {head: 1KiB}", "f:1: listeners[0].limits: there is nothing to limit"),
        ]
    )
    func wrongUnread(keys: String, message: String) {
        let text = """
            listeners: [{address: 127.0.0.1:1, \(keys)}]
            clusters: [{name: all, endpoints: [127.0.0.1:1]}]
            """
        let error = #expect(throws: GatewayFileError.self) { try GatewayFile.settings(text, file: "f") }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    private static let good = """
        listeners:
          - address: 127.0.0.1:8080
            routes:
              - match: {header: "x-user: ada"}
                cluster: all
            timeouts: {head: 5s}
            limits: {head: 64KiB}
        clusters:
          - name: all
            endpoints:
              - 127.0.0.1:9001
            attempts: 3
        """

    @Test("the text that errors are made of is right")
    func right() throws {
        #expect(throws: Never.self) { try GatewayFile.settings(Self.good, file: "f") }
    }

    @Test(
        "what is wrong is named with file, line and key, and with what would be right",
        arguments: [
            (
                "cluster: all", "cluster: al",
                "f:5: listeners[0].routes[0].cluster: no cluster is named al; there are all"
            ),
            (
                "header: \"x-user: ada\"", "path: /a//b",
                "f:4: listeners[0].routes[0].match.path: write it as /a/b, the form that paths are compared in"
            ),
            (
                "header: \"x-user: ada\"", "path-prefix: /a%2f",
                "f:4: listeners[0].routes[0].match.path-prefix: no request has this path: what servers read"
            ),
            (
                "attempts: 3", "balance: best",
                "f:12: clusters[0].balance: expected one of round-robin, least-request"
            ),
            (
                "attempts: 3", "retry: {on: [404]}",
                "f:12: clusters[0].retry.on[0]: expected reset, 429, or a status from 500 to 599"
            ),
            ("attempts: 3", "retry: {budget: 9%}", "f:12: clusters[0].retry: on is missing, such as [502, 503, reset]"),
            ("attempts: 3", "retry: {on: 503, budget: 9}", "f:12: clusters[0].retry.budget: expected 1% to 100%"),
            ("attempts: 3", "health: {path: x}", "f:12: clusters[0].health.path: expected a path, such as /healthz"),
            ("attempts: 3", "eject: {on: 99}", "f:12: clusters[0].eject.on: expected a whole number from 100 to 599"),
            ("attempts: 3", "attempts: x", "f:12: clusters[0].attempts: expected a whole number from 1 to 100"),
            (
                "attempts: 3", "atempts: 3",
                "f:12: clusters[0].atempts: no such key; there are name, endpoints, balance"
            ),
            ("head: 5s", "head: 5", "f:6: listeners[0].timeouts.head: expected a length of time"),
            ("head: 64KiB", "head: 64GiB", "f:7: listeners[0].limits.head: expected a number of bytes"),
            ("127.0.0.1:9001", "127.0.0.1", "f:11: clusters[0].endpoints[0]: expected HOST:PORT"),
            ("127.0.0.1:9001", "127.0.0.1:0", "f:11: clusters[0].endpoints[0]: expected HOST:PORT"),
            ("127.0.0.1:9001", "::1:9001", "f:11: clusters[0].endpoints[0]: an IPv6 address needs brackets"),
            ("address: 127.0.0.1:8080", "address: :8080", "f:2: listeners[0].address: the host is missing"),
            ("\"x-user: ada\"", "x-user", "f:4: listeners[0].routes[0].match.header: "),
            (
                "{header: \"x-user: ada\"}", "{}",
                "f:4: listeners[0].routes[0].match: a match needs at least one condition"
            ),
            ("  - name: all", "  - nam: all", "f:9: clusters[0].nam: no such key"),
            (
                "attempts: 3", "attempts: 3\naccess-log: {format: xml}",
                "f:13: access-log.format: there is no format xml; choose text or json"
            ),
            (
                "attempts: 3", "attempts: 3\naccess-log: {file: x}",
                "f:13: access-log.file: no such key; there are path, format"
            ),
            ("attempts: 3", "attempts: 3\nadmin: {address: 9901}", "f:13: admin.address: expected HOST:PORT"),
            ("attempts: 3", "attempts: 3\nadmin: {}", "f:13: admin: address is missing, such as 127.0.0.1:9901"),
            (
                "clusters:", "  - address: 127.0.0.1:8080\n    routes: [{cluster: all}]\nclusters:",
                "f:8: listeners[1]: there is another listener of the name 127.0.0.1:8080"
            ),
            ("clusters:", "clusers:", "f:8: clusers: no such key; there are listeners, clusters"),
            ("routes:", "routes: [", "f:"),
            ("    attempts: 3", "    name: all", "f:9: of the keys from here on name is there twice"),
        ]
    )
    func wrong(good: String, bad: String, message: String) throws {
        let text = Self.good.replacing(good, with: bad, maxReplacements: 1)
        try #require(text != Self.good)
        let error = #expect(throws: GatewayFileError.self) { try GatewayFile.settings(text, file: "f") }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test("a file that is empty, or not there")
    func missing() {
        #expect(throws: GatewayFileError.self) { try GatewayFile.settings("", file: "f") }
        let error = #expect(throws: GatewayFileError.self) { try GatewayFile.read("/nowhere/f.yaml") }
        #expect(error?.description.hasPrefix("/nowhere/f.yaml: cannot be read") == true)
    }
}
