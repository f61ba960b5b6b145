import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// A way to choose requests, with some that have it and some that nearly have.
private struct Way {
    var owner: String
    var flags: [String]
    var taken: [Sample]
    var left: [Sample]

    struct Sample {
        var flags: [String] = []
        var path = "/n/7"
    }

    static func header(_ text: String) -> Sample { Sample(flags: ["-H", text]) }

    static let all = [
        Way(
            owner: "prefix",
            flags: ["--header-prefix", "X-Build:feature-"],
            taken: [Self.header("x-build: feature-12"), Self.header("X-BUILD: feature-")],
            left: [Self.header("x-build: Feature-12"), Self.header("x-build: my-feature-12"), Sample()]
        ),
        Way(
            owner: "regex",
            flags: ["--header-regex", "X-Ticket:[A-Z]{2,4}-\\d+"],
            taken: [Self.header("x-ticket: OPS-4711")],
            left: [Self.header("x-ticket: OPS-4711b"), Self.header("x-ticket: ops-1")]
        ),
        Way(
            owner: "present",
            flags: ["--header-present", "X-Anything"],
            taken: [Self.header("x-anything: 1"), Self.header("X-Anything;")],
            left: [Self.header("x-anything-else: 1")]
        ),
        Way(
            owner: "query",
            flags: ["--query", "dev=a b"],
            taken: [Sample(path: "/n/7?x=1&dev=a%20b"), Sample(path: "/n/7?dev=a+b")],
            left: [Sample(path: "/n/7?dev=a"), Sample(path: "/n/7?dev=a%2520b"), Sample(path: "/n/7?xdev=a%20b")]
        ),
        Way(
            owner: "baggage",
            flags: ["--baggage", "dev=bob"],
            taken: [Self.header("baggage: k=v;p=1, dev=bob;ttl=3 , z=1")],
            left: [Self.header("baggage: dev=bobby"), Self.header("baggage: k=dev=bob")]
        ),
        Way(
            owner: "tracestate",
            flags: ["--tracestate", "detour=bob"],
            taken: [Self.header("tracestate: congo=t61rcWkgMzE,detour=bob")],
            left: [Self.header("tracestate: detour=bo"), Self.header("tracestate: x@detour=bob")]
        ),
        Way(
            owner: "and",
            flags: ["-x", "X-Dev:eve", "--path-prefix", "/n/4", "--method", "GET"],
            taken: [Sample(flags: ["-H", "x-dev: eve"], path: "/n/42")],
            left: [
                Self.header("x-dev: eve"), Sample(path: "/n/42"),
                Sample(flags: ["-H", "x-dev: eve", "-X", "POST"], path: "/n/42"),
            ]
        ),
    ]
}

extension ElsewhereEndToEndTests {
    @Test(
        "Seven developers on one Service, each by another kind of match; one is taken over, and told; a tenth is a tenth",
        .timeLimit(.minutes(5))
    )
    func everyMatch() async throws {
        let place = Workloads(namespace: "matches")
        try await place.make()
        do {
            try await self.everyMatch(place)
        } catch {
            try await place.remove()
            throw error
        }
        try await place.remove()
    }

    private func everyMatch(_ place: Workloads) async throws {
        let service = try await Cluster.snapshot("pair", in: place.namespace)
        let url = try await Cluster.url("\(place.namespace)/pair", 80)
        var running: [String: RunningProcess] = [:]
        defer { for process in running.values { process.signal(SIGKILL) } }
        for way in Way.all {
            let (local, port) = try await LocalLeaf.start(name: way.owner)
            running["\(way.owner), local"] = local
            running[way.owner] = try await place.intercept(["pair", "-p", "80:\(port)"] + way.flags, user: way.owner)
        }
        for way in Way.all { try await running[way.owner]?.says("ready:", within: .seconds(90)) }
        try await place.untilAnswered(by: "leaf/\(Way.all[0].owner)", url, Way.all[0].taken[0].flags)
        for way in Way.all {
            for sample in way.taken {
                let answer = try await place.answeredBy(url, sample.flags, path: sample.path)
                #expect(answer == "leaf/\(way.owner)", "\(sample)")
            }
            for sample in way.left {
                let answer = try await place.answeredBy(url, sample.flags, path: sample.path)
                #expect(answer.hasPrefix("http/pair-"), "\(way.owner): \(sample)")
            }
            try await self.explained(place, way)
        }
        try await self.takenOver(place, url, running["regex"])
        for way in Way.all where way.owner != "regex" {
            running[way.owner]?.signal(SIGINT)
            #expect(await running[way.owner]?.ended() == 0, "\(running[way.owner]?.errors ?? "")")
        }
        #expect(try await Cluster.snapshot("pair", in: place.namespace).differences(from: service).isEmpty)
    }

    /// `explain` says of a request what the interceptor does with it.
    private func explained(_ place: Workloads, _ way: Way) async throws {
        for (sample, taker) in [(way.taken[0], "\(way.owner)@"), (way.left[0], nil)] {
            let result = try await Shell.run(
                [Cluster.detour, "explain", "pair", "-n", place.namespace, "-o", "json", "--", "curl"] + sample.flags
                    + ["http://pair\(sample.path)"],
                environment: try await Cluster.environment()
            )
            let answeredBy = try JSONValue(parsing: result.output)["answeredBy"]?.string
            #expect(taker.map { answeredBy?.hasPrefix($0) == true } ?? (answeredBy == "original"), "\(result)")
        }
    }

    /// The same match again is refused, with the owner's name; with `--take-over` the owner is told, and ends. What takes over
    /// takes a tenth.
    private func takenOver(_ place: Workloads, _ url: String, _ loser: RunningProcess?) async throws {
        let loser = try #require(loser)
        let match = ["--header-regex", "X-Ticket:[A-Z]{2,4}-\\d+"]
        let (local, port) = try await LocalLeaf.start(name: "late")
        defer { local.signal(SIGKILL) }
        let refused = try await place.intercept(["pair", "-p", "80:\(port)"] + match, user: "late")
        #expect(await refused.ended() == 1)
        #expect(refused.errors.contains("regex@") && refused.errors.contains("--take-over"), "\(refused.errors)")
        #expect(loser.status == nil)

        let late = try await place.intercept(
            ["pair", "-p", "80:\(port)", "--take-over", "--sample", "10%", "--until", "20s"] + match,
            user: "late"
        )
        defer { late.signal(SIGKILL) }
        try await late.says("ready:", within: .seconds(90))
        #expect(await loser.ended() == 1)
        #expect(loser.errors.contains("taken over") && loser.errors.contains("late@"), "\(loser.errors)")
        // One connection: the draw is a request's. 300 requests at 10 %: 30, with a standard deviation of 5.2.
        let result = try await Shell.run(
            "curl",
            "-sS",
            "-m",
            "15",
            "--noproxy",
            "*",
            "-H",
            "x-ticket: OPS-1",
            "\(url)/n/[1-300]"
        )
        let answers = result.output.split(separator: "\n").map { (try? JSONValue(parsing: String($0)))?["answeredBy"] }
        let local10 = answers.count { $0 == "leaf/late" }
        #expect(answers.count == 300 && answers.allSatisfy { $0 != nil }, "\(result)")
        #expect((5...70).contains(local10), "\(local10) of 300")
        #expect(await late.ended() == 0, "\(late.errors)")
        #expect(late.errors.contains("20s have passed"), "\(late.errors)")
        #expect(try await place.answeredBy(url, ["-H", "x-ticket: OPS-1"]).hasPrefix("http/pair-"))
    }
}
