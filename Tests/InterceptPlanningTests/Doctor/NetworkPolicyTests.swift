import KubernetesModel
import Testing

@testable import InterceptPlanning

@Suite("NetworkPolicies as questions")
struct NetworkPolicyTests {
    private static let caller = PolicyParty(
        namespace: "shop",
        namespaceLabels: ["team": "shop"],
        labels: ["app": "core"],
        addresses: ["10.244.0.5"]
    )
    private static let server = PolicyParty(
        namespace: "shop",
        namespaceLabels: ["team": "shop"],
        labels: ["app": "leaf"],
        addresses: ["10.244.0.6"],
        namedPorts: ["web": 8080]
    )
    private static let stranger = PolicyParty(
        namespace: "other",
        namespaceLabels: ["team": "other"],
        labels: ["app": "core"],
        addresses: ["10.244.1.7"]
    )
    private static let outside = PolicyParty(
        namespace: "",
        namespaceLabels: [:],
        labels: nil,
        addresses: ["192.0.2.1"]
    )

    private func ingress(_ rule: JSONValue?) -> [NetworkPolicy] {
        [self.policy(["podSelector": [:], "policyTypes": ["Ingress"], "ingress": .array(rule.map { [$0] } ?? [])])]
    }

    private func policy(_ spec: JSONValue) -> NetworkPolicy {
        NetworkPolicy(DynamicObject(.networkPolicies, name: "p", namespace: "shop", ["spec": spec]))
    }

    private func isOpen(_ policies: [NetworkPolicy], from source: PolicyParty, port: Int = 8080) -> Bool {
        policies.opens(.ingress, from: source, to: Self.server, port: port)
    }

    @Test("Without a policy everything passes; one without rules closes")
    func isolation() {
        #expect(self.isOpen([], from: Self.stranger))
        #expect(!self.isOpen(self.ingress(nil), from: Self.caller))
        #expect(self.isOpen(self.ingress([:]), from: Self.outside))
    }

    @Test(
        "A peer is a block, Pods here, namespaces, or Pods of namespaces",
        arguments: [
            (["podSelector": ["matchLabels": ["app": "core"]]], [true, false, false]),
            (["podSelector": [:]], [true, false, false]),
            (["namespaceSelector": [:]], [true, true, false]),
            (["namespaceSelector": ["matchLabels": ["team": "other"]]], [false, true, false]),
            (
                ["namespaceSelector": [:], "podSelector": ["matchLabels": ["app": "web"]]],
                [false, false, false]
            ),
            (["ipBlock": ["cidr": "0.0.0.0/0"]], [true, true, true]),
            (["ipBlock": ["cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]]], [false, false, true]),
            (["ipBlock": ["cidr": "nonsense"]], [false, false, false]),
            (["somethingNew": [:]], [false, false, false]),
        ] as [(JSONValue, [Bool])]
    )
    func peers(peer: JSONValue, isOpen: [Bool]) {
        let policies = self.ingress(["from": [peer]])
        #expect([Self.caller, Self.stranger, Self.outside].map { self.isOpen(policies, from: $0) } == isOpen)
    }

    @Test(
        "A port is a number, a range, a name of the destination's, or any",
        arguments: [
            ([], true), ([["port": 8080]], true), ([["port": 9090]], false), ([["port": "web"]], true),
            ([["port": "admin"]], false), ([["port": 8000, "endPort": 8100]], true),
            ([["port": 8000, "endPort": 8079]], false), ([["protocol": "UDP", "port": 8080]], false),
            ([["protocol": "TCP"]], true), ([["protocol": "UDP"]], false),
        ] as [(JSONValue, Bool)]
    )
    func ports(ports: JSONValue, isOpen: Bool) {
        #expect(self.isOpen(self.ingress(["ports": ports]), from: Self.caller) == isOpen)
    }

    @Test("Policies add up: what one admits passes")
    func union() {
        let closed = self.ingress(nil)
        #expect(self.isOpen(closed + self.ingress(["from": [["podSelector": [:]]]]), from: Self.caller))
    }

    @Test(
        "Without policyTypes a policy is about ingress, and about egress where it has rules for that",
        arguments: [
            (["podSelector": [:]], true, false), (["podSelector": [:], "egress": []], true, true),
            (["podSelector": [:], "policyTypes": ["Egress"]], false, true),
            (["podSelector": ["matchLabels": ["app": "web"]]], false, false),
        ] as [(JSONValue, Bool, Bool)]
    )
    func policyTypes(spec: JSONValue, ingress: Bool, egress: Bool) {
        let policy = self.policy(spec)
        #expect(policy.isolates(Self.server, .ingress) == ingress)
        #expect(policy.isolates(Self.server, .egress) == egress)
    }

    @Test("A policy says nothing about Pods elsewhere, nor about what is no Pod")
    func foreign() {
        let policy = self.policy(["podSelector": [:]])
        #expect(!policy.isolates(Self.stranger, .ingress))
        #expect(!policy.isolates(Self.outside, .ingress))
    }

    @Test(
        "A witness of a peer is admitted by it",
        arguments: [
            ["podSelector": ["matchLabels": ["app": "core"]]], ["namespaceSelector": [:]],
            ["namespaceSelector": ["matchLabels": ["team": "x"]], "podSelector": ["matchLabels": ["app": "web"]]],
            ["ipBlock": ["cidr": "198.51.100.0/24"]],
        ] as [JSONValue]
    )
    func witness(peer: JSONValue) throws {
        let rule: JSONValue = ["from": [peer]]
        let policy = self.policy(["podSelector": [:], "ingress": [rule]])
        let witness = try #require(policy.witness(of: peer, namespaceLabels: ["team": "shop"]))
        #expect(policy.admits(rule, .ingress, witness))
    }
}
