import Testing
import TrafficMatch

@testable import Intercept

@Suite("What is said of traffic that is not diverted")
struct TrafficReportTests {
    private func report(
        _ conditions: [Condition]? = nil,
        older: Int? = nil,
        _ change: (inout RouteSightings) -> Void
    ) throws -> TrafficReport {
        var sightings = RouteSightings()
        change(&sightings)
        let standard = [Condition.header(try HeaderMatch(name: "X-C6O-INTERCEPT", value: "yes"))]
        return TrafficReport(
            sightings: sightings,
            match: try RequestMatch(conditions ?? standard),
            service: "shop/leaf",
            olderConnections: older
        )
    }

    private func missed(_ seen: inout RouteSightings, _ requests: Int, absent: Int, other: Int = 0) {
        seen.connections = 9
        seen.requests = requests
        seen.surveyed = requests
        seen.misses = [.init(absent: absent, other: other)]
    }

    @Test("A header nobody carries, and what is carried instead")
    func absent() throws {
        let report = try self.report(older: 37) { seen in
            self.missed(&seen, 412, absent: 412)
            seen.names = ["host": 412, "traceparent": 412, "x-request-id": 3, "user-agent": 400]
        }
        #expect(
            report.message
                == "0 of 412 requests carried x-c6o-intercept; 412 carried traceparent; "
                + "37 connections are older than the swap and go on to the original"
        )
        #expect(
            report.mend
                == "whoever calls leaf must copy x-c6o-intercept from the request it serves to the one it makes, "
                + "as it does with traceparent (--header-present traceparent would take all that have one)"
        )
    }

    @Test("Baggage is handed on: one can put something into it")
    func baggage() throws {
        let report = try self.report { seen in
            self.missed(&seen, 2, absent: 2)
            seen.names = ["traceparent": 2, "baggage": 2]
        }
        #expect(report.message.hasPrefix("0 of 2 requests carried x-c6o-intercept; 2 carried baggage; 2 carried"))
        #expect(report.mend?.hasSuffix("match on what is handed on already: --baggage NAME=VALUE") == true)
    }

    @Test("Another value")
    func otherValue() throws {
        let report = try self.report(older: 0) { self.missed(&$0, 5, absent: 3, other: 2) }
        #expect(
            report.message
                == "2 of 5 requests carried x-c6o-intercept, none with the value that is wanted; "
                + "no connection is older than the swap"
        )
        #expect(report.mend?.contains("detour explain leaf") == true)
    }

    @Test(
        "A name that is nearly the one that is wanted",
        arguments: ["x-c60-intercept", "x_c6o_intercept", "xc6o-intercpt"]
    )
    func slip(name: String) throws {
        let report = try self.report { seen in
            self.missed(&seen, 5, absent: 5)
            seen.names = ["host": 5, name: 2]
        }
        #expect(report.message.contains("; 2 carried \(name);"))
        #expect(report.mend == "is '\(name)' a slip for what this intercept wants? It takes 'x-c6o-intercept: yes'")
    }

    @Test(
        "Names that are only a little alike are no slip",
        arguments: ["x-c6o-user", "x-intercept-id", "x-c6o-intercept"]
    )
    func noSlip(name: String) throws {
        let report = try self.report { seen in
            self.missed(&seen, 5, absent: 5)
            seen.names = [name: 2]
        }
        #expect(report.mend?.contains("slip") == false)
    }

    @Test("Several conditions are told one by one; a sample is told as one")
    func several() throws {
        let conditions: [Condition] = [
            .header(try HeaderMatch(name: "x-user", value: "alice")), .path(try PathMatch(.prefix("/api"))),
            .member(try MemberMatch(.cookie, key: "beta", .present)),
        ]
        let report = try self.report(conditions) { seen in
            seen.requests = 5_000
            seen.surveyed = 1_200
            // Cookie, path, header: the match's own order.
            seen.misses = [.init(absent: 1_200), .init(other: 200), .init(absent: 100, other: 50)]
        }
        #expect(
            report.message
                == "0 of 1200 requests looked at (of 5000) carried cookie beta; "
                + "1000 of 1200 requests looked at (of 5000) had the path: /api… (prefix); "
                + "1050 of 1200 requests looked at (of 5000) carried x-user: alice, 50 with another value; "
                + "connections that are older than the swap go on to the original"
        )
    }

    @Test("Requests that matched and were not answered here, and those of others, are told apart")
    func fellBack() throws {
        let report = try self.report { seen in
            seen.requests = 9
            seen.matched = 4
            seen.fallbacks = ["ack-timeout": 1, "local-refused": 3]
        }
        #expect(
            report.message.hasPrefix(
                "this machine answered 0 of 9 requests; others matched and fell back (3 local-refused, 1 ack-timeout)"
            )
        )
        let others = try self.report { seen in
            self.missed(&seen, 2, absent: 2)
            seen.requests = 7
            seen.yielded = 4
            seen.unsampled = 1
        }
        #expect(others.message.hasPrefix("0 of 2 requests carried"), "all that were there to be looked at")
        #expect(others.message.contains("; 1 matched and were not in the sample; 4 went to an intercept"))
    }

    @Test("Silence: no connection, connections without requests, connections that cannot be read")
    func silence() throws {
        let none = try self.report { _ in }
        #expect(none.message.hasPrefix("no request has arrived at shop/leaf since it is intercepted; connections that"))
        #expect(none.mend?.contains("restart the caller") == true)
        let nobody = try self.report(older: 0) { _ in }
        #expect(nobody.mend?.contains("does anybody call shop/leaf?") == true)
        let idle = try self.report(older: 1) { $0.connections = 1 }
        #expect(
            idle.message
                == "1 connection arrived at shop/leaf, and no request on any of them; "
                + "1 connection is older than the swap and goes on to the original"
        )
        let unread = try self.report { seen in
            seen.connections = 3
            seen.unread = ["tls": 3]
        }
        #expect(
            unread.message.hasPrefix(
                "3 connections arrived at shop/leaf, and none could be read as HTTP requests (3 tls)"
            )
        )
        #expect(unread.mend?.contains("--all") == true)
    }

    @Test("Once something was diverted there is a sum and nothing to mend")
    func diverted() throws {
        let report = try self.report(older: 3) { seen in
            seen.requests = 10
            seen.matched = 3
            seen.diverted = 2
            seen.fallbacks = ["route-down": 1]
        }
        #expect(report.message == "this machine answered 2 of 10 requests; others matched and fell back (1 route-down)")
        #expect(report.mend == nil)
    }
}
