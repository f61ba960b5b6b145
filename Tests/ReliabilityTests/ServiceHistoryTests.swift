import InterceptPlanning
import KubernetesModel
import Testing

@testable import reliability

@Suite("The history of a Service, from what watches tell")
struct ServiceHistoryTests {
    private let origin = ContinuousClock.now

    private func endpoints(_ pods: [String], notReady: [String] = []) -> DynamicObject {
        func addresses(_ pods: [String]) -> JSONValue {
            .array(pods.map { ["ip": "10.0.0.1", "targetRef": ["kind": "Pod", "name": .string($0)]] })
        }
        return DynamicObject(
            .endpoints,
            name: "leaf",
            namespace: "shop",
            ["subsets": [["addresses": addresses(pods), "notReadyAddresses": addresses(notReady)]]]
        )
    }

    private func service(_ selector: [String: String]) -> DynamicObject {
        DynamicObject(.services, name: "leaf", namespace: "shop", ["spec": ["selector": JSONValue(selector)]])
    }

    private func pod(_ name: String, ready: Bool) -> DynamicObject {
        let conditions: JSONValue = [["type": "Ready", "status": ready ? "True" : "False"]]
        return DynamicObject(.pods, name: name, namespace: "shop", ["status": ["conditions": conditions]])
    }

    @Test("A dead end is Endpoints without a ready address, however short, and an object that is gone")
    func deadEnds() {
        var history = ServiceHistory()
        let updates: [WatchUpdate] = [
            .reset([self.endpoints(["leaf-1"])]), .applied(self.endpoints([], notReady: ["leaf-1"])),
            .applied(self.endpoints(["interceptor-leaf-1"])), .deleted(self.endpoints(["leaf-1"])),
            .reset([]),
        ]
        for (second, update) in updates.enumerated() {
            history.note(update, of: .endpoints, at: self.origin + .seconds(second))
        }
        #expect(history.deadEnds(since: self.origin) == [1, 3, 4].map { self.origin + .seconds($0) })
        #expect(history.deadEnds(since: self.origin + .seconds(2)).count == 2)
    }

    @Test(
        "Endpoints lead to the interceptor or to the original only when all of them do",
        arguments: [
            (["interceptor-leaf-1", "interceptor-leaf-2"], true, false), (["leaf-1", "leaf-2"], false, true),
            (["interceptor-leaf-1", "leaf-1"], false, false), ([], false, false), (["leafy"], false, false),
        ]
    )
    func leads(pods: [String], toInterceptor: Bool, toOriginal: Bool) {
        let sight = ServiceHistory.Sight.endpoints(ready: pods)
        #expect(sight.leadsToInterceptor(of: "leaf") == toInterceptor)
        #expect(sight.leadsToOriginal(of: "leaf") == toOriginal)
    }

    @Test("The selector at a moment is what the watch had told last, also before all else was forgotten")
    func selector() {
        var history = ServiceHistory()
        #expect(history.selector(at: self.origin) == nil)
        history.note(.reset([self.service(["a": "b"])]), of: .service, at: self.origin)
        history.note(.applied(self.service(["c": "d"])), of: .service, at: self.origin + .seconds(2))
        history.note(.applied(self.endpoints([])), of: .endpoints, at: self.origin + .seconds(3))
        #expect(history.selector(at: self.origin + .seconds(1)) == ["a": "b"])
        #expect(history.selector(at: self.origin + .seconds(4)) == ["c": "d"])
        for _ in 0..<2 {
            history.forget()
            #expect(history.selector(at: self.origin + .seconds(5)) == ["c": "d"])
        }
        history.note(.applied(self.service(["e": "f"])), of: .service, at: self.origin + .seconds(6))
        #expect(history.selector(at: self.origin + .seconds(5)) == ["c": "d"])
        #expect(history.selector(at: self.origin + .seconds(6)) == ["e": "f"])
    }

    @Test("The first sight since a moment is found, not one from before it")
    func first() {
        var history = ServiceHistory()
        for (second, app) in ["leaf", "interceptor", "leaf"].enumerated() {
            history.note(.applied(self.service(["app": app])), of: .service, at: self.origin + .seconds(second))
        }
        let isOriginal = { (sight: ServiceHistory.Sight) in sight == .service(selector: ["app": "leaf"]) }
        #expect(history.first(since: self.origin + .seconds(1), where: isOriginal) == self.origin + .seconds(2))
        #expect(history.first(since: self.origin + .seconds(3), where: isOriginal) == nil)
        history.forget()
        #expect(history.first(since: self.origin, where: isOriginal) == nil)
    }

    @Test("The Service leads to the original since both its selector and its Endpoints do, without a break")
    func original() {
        var history = ServiceHistory()
        func since() -> Int? {
            history.original(["app": "leaf"], of: "leaf", since: self.origin + .seconds(2))
                .map { Int(($0 - self.origin).seconds) }
        }
        func note(_ object: DynamicObject, _ source: ServiceHistory.Source, _ second: Int) {
            history.note(.applied(object), of: source, at: self.origin + .seconds(second))
        }
        #expect(since() == 2)
        note(self.service(["app": "interceptor"]), .service, 1)
        #expect(since() == nil)
        note(self.endpoints(["interceptor-leaf-1"]), .endpoints, 3)
        note(self.service(["app": "leaf"]), .service, 4)
        #expect(since() == nil)
        note(self.endpoints(["leaf-1"]), .endpoints, 5)
        note(self.service(["app": "leaf"]), .service, 6)
        #expect(since() == 5)
        note(self.endpoints([]), .endpoints, 7)
        #expect(since() == nil)
        note(self.endpoints(["leaf-1"]), .endpoints, 8)
        #expect(since() == 8)
    }

    @Test("Pods that end, and Pods that are gone, are not counted; forgetting keeps count")
    func pods() {
        var history = ServiceHistory()
        var ending = self.pod("b", ready: true)
        ending["metadata"]?["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        let updates: [WatchUpdate] = [
            .reset([self.pod("a", ready: false)]), .applied(self.pod("b", ready: true)),
            .applied(self.pod("a", ready: true)), .applied(ending),
        ]
        for update in updates { history.note(update, of: .pods, at: self.origin) }
        #expect(history.liveInterceptors == 1)
        history.forget()
        history.note(.deleted(self.pod("a", ready: true)), of: .pods, at: self.origin)
        history.note(.applied(self.pod("c", ready: false)), of: .pods, at: self.origin)
        #expect(history.entries.map(\.sight) == [.interceptors(live: 0, ready: 0), .interceptors(live: 1, ready: 0)])
    }

    private func pod(ended: [String: (container: String, status: Int64)], restarts: Int64 = 0) -> DynamicObject {
        var container: JSONValue = ["name": "interceptor", "restartCount": .integer(restarts)]
        for (state, end) in ended {
            let id = JSONValue.string(end.container)
            container[state] = ["terminated": ["exitCode": .integer(end.status), "containerID": id]]
        }
        let status: JSONValue = ["containerStatuses": [container]]
        return DynamicObject(.pods, name: "interceptor-leaf-1", namespace: "shop", ["status": status])
    }

    @Test("An interceptor that ends with another status than 0 is told once, one that was started again since too")
    func deaths() {
        var history = ServiceHistory()
        func deaths(_ update: WatchUpdate) -> [Int64] {
            history.note(update, of: .pods, at: self.origin)
            history.forget()
            return history.takeDeaths().map(\.status)
        }
        #expect(deaths(.applied(self.pod(ended: [:]))) == [])
        #expect(deaths(.applied(self.pod(ended: ["state": ("a", 0)]))) == [])
        #expect(deaths(.applied(self.pod(ended: ["state": ("b", 132)]))) == [132])
        let restarted = self.pod(ended: ["lastState": ("b", 132)], restarts: 1)
        #expect(deaths(.applied(restarted)) == [])
        let both = self.pod(ended: ["lastState": ("c", 1), "state": ("d", 137)], restarts: 2)
        #expect(deaths(.reset([both])) == [1, 137])
        var unknown = self.pod(ended: [:])
        let end: JSONValue = ["exitCode": 137, "reason": "ContainerStatusUnknown"]
        unknown["status"] = ["containerStatuses": [["lastState": ["terminated": end]]]]
        #expect(deaths(.applied(unknown)) == [])
        #expect(deaths(.deleted(self.pod(ended: ["state": ("e", 139)]))) == [139])
    }

    @Test("A Session that nobody can read is none")
    func malformedSession() {
        var history = ServiceHistory()
        history.note(.applied(DynamicObject(.sessions, name: "x", namespace: "shop")), of: .session, at: self.origin)
        #expect(history.entries.map(\.sight) == [.session(nil)])
    }
}
