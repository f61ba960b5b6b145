import KubernetesModel
import Testing

@testable import InterceptPlanning

/// One way in which somebody else puts an intercepted Service back.
struct TakingBack: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Whether the Service leads nowhere until somebody completes it.
    var isPartial: Bool
    var change: @Sendable (inout DynamicObject) -> Void

    static let all = [
        TakingBack(testDescription: "the original whole", isPartial: false) { $0 = Sample.service() },
        TakingBack(testDescription: "the original beside our annotation", isPartial: true) {
            $0["spec"]?["selector"] = JSONValue(Sample.selector)
            $0["spec"]?["ports"] = Sample.ports
        },
        TakingBack(testDescription: "the selector alone", isPartial: true) {
            $0["spec"]?["selector"] = JSONValue(Sample.selector)
        },
        TakingBack(testDescription: "the selector merged key by key", isPartial: true) {
            for (key, value) in Sample.selector { $0["spec"]?["selector"]?[key] = .string(value) }
            $0["spec"]?["ports"] = Sample.ports
        },
        TakingBack(testDescription: "the ports alone", isPartial: true) { $0["spec"]?["ports"] = Sample.ports },
    ]

    static let others = [
        TakingBack(testDescription: "another selector", isPartial: true) {
            $0["spec"]?["selector"] = ["app": "green"]
        },
        TakingBack(testDescription: "another target port", isPartial: true) {
            $0["spec"]?["ports"] = [["port": 80, "protocol": "TCP", "targetPort": 9]]
        },
        TakingBack(testDescription: "another intercept", isPartial: false) {
            $0["spec"]?["selector"] = JSONValue(Marks.selector(incarnation: String(repeating: "b2", count: 20)))
        },
    ]

    func service() throws -> DynamicObject {
        var service = try Sample.hijacked()
        self.change(&service)
        return service
    }
}

@Suite("A swap that others take back, where the laptop wants it swapped again")
struct ReassertionTests {
    private func observation(_ service: DynamicObject, onRevert: Route.OnRevert = .reassert) throws -> Observation {
        var route = try Sample.route("r2", owner: "bob@desk", match: "a:b")
        route.onRevert = onRevert
        let session = try Sample.session(routes: [Sample.route(), route])
        return Observation(session: session, service: service, owned: Set(OwnedObject.allCases))
    }

    @Test("A client that holds that it is time swaps again whatever was put back", arguments: TakingBack.all)
    func again(back: TakingBack) throws {
        var now = try self.observation(try back.service())
        now.isProven = true
        let actions = Planner.client.plan(now, wasHijacked: true)
        guard case .hijack(let operations) = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        let swapped = try back.service().json.applying(operations)
        #expect(try swapped["spec"] == Sample.hijacked().json["spec"])
        #expect(try DynamicObject(swapped).annotations == Sample.hijacked().annotations)
    }

    @Test("Until then the original serves, and half a swap is completed by whoever sees it", arguments: TakingBack.all)
    func meanwhile(back: TakingBack) throws {
        for role in [Planner.client, .replica(isReady: true), .replica(isReady: false)] {
            var now = try self.observation(try back.service())
            // What a replica holds of the time is of no account.
            now.isProven = role != .client
            let actions = role.plan(now, wasHijacked: true)
            guard back.isPartial else {
                #expect(actions == [.wait(.reassertion)])
                continue
            }
            guard case .restore(let operations) = actions.first, actions.count == 1 else {
                Issue.record("\(role): \(actions)")
                continue
            }
            let restored = DynamicObject(try back.service().json.applying(operations))
            #expect(restored["spec"] == Sample.service()["spec"])
            #expect(restored.annotations.isEmpty)
        }
    }

    @Test("What is missing meanwhile is made anew, by a client, and a swap does not wait for that")
    func missing() throws {
        var now = try self.observation(Sample.service())
        now.owned.remove(.deployment)
        #expect(Planner.client.plan(now, wasHijacked: true) == [.create(.deployment)])
        #expect(Planner.replica(isReady: true).plan(now, wasHijacked: true) == [.wait(.reassertion)])
        now.isProven = true
        #expect(Planner.client.plan(now, wasHijacked: true).map(\.isSwap) == [true])
    }

    @Test("What was never the original's is somebody's wish, and ends the intercept", arguments: TakingBack.others)
    func others(back: TakingBack) throws {
        var now = try self.observation(try back.service())
        now.isProven = true
        let actions = Planner.client.plan(now, wasHijacked: true)
        guard case .close = actions.first else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test("Where nobody wants it swapped again, taking it back ends the intercept", arguments: TakingBack.all)
    func yields(back: TakingBack) throws {
        var now = try self.observation(try back.service(), onRevert: .yield)
        now.isProven = true
        for role in [Planner.client, .replica(isReady: true)] {
            guard case .close = role.plan(now, wasHijacked: true).first else {
                Issue.record("\(role)")
                return
            }
        }
    }
}
