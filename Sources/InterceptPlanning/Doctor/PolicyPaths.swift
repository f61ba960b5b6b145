import KubernetesModel

/// The connections of an intercept, and what NetworkPolicies make of them.
struct PolicyPaths: Sendable {
    typealias Port = (index: Int, json: JSONValue)

    let policies: [NetworkPolicy]
    /// The ready Pods of the original.
    let originals: [(pod: DynamicObject, party: PolicyParty)]
    /// All other Pods of the namespace: those that may be callers.
    let neighbours: [(pod: DynamicObject, party: PolicyParty)]
    /// An interceptor Pod, there or to come.
    let interceptor: PolicyParty
    private let seen: Surroundings
    private let namespaceLabels: [String: String]

    /// The connections in a namespace that has these labels.
    init(_ seen: Surroundings, namespaceLabels labels: [String: String]) {
        let namespace = seen.names.namespace
        func party(_ pod: DynamicObject) -> PolicyParty {
            PolicyParty(
                namespace: namespace,
                namespaceLabels: labels,
                labels: pod.labels,
                addresses: (pod[path: "status", "podIP"]?.string).map { [$0] } ?? [],
                namedPorts: pod.namedPorts
            )
        }
        let manifest = InterceptManifests(session: seen.planned).manifest(.deployment)
        let template = manifest[path: "spec", "template"] ?? [:]
        let ready = seen.readyWorkload
        var interceptor = party(DynamicObject(template))
        // Where a new Pod's address will be is not known: in the same network as the others' of the namespace.
        interceptor.addresses = ready.compactMap { $0[path: "status", "podIP"]?.string }.prefix(1).map { $0 }
        self.seen = seen
        self.namespaceLabels = labels
        self.policies = seen.networkPolicies.map(NetworkPolicy.init)
        self.originals = ready.map { ($0, party($0)) }
        self.interceptor = interceptor
        let originals = Set(seen.workload.map(\.uid))
        self.neighbours = (seen.pods ?? [])
            .filter { !originals.contains($0.uid) && $0.labels[Marks.sessionLabel] == nil && InterceptorPod($0).isLive }
            .map { ($0, party($0)) }
    }

    /// The labels the namespace may have: its own, or where these may not be read, each set that a policy asks for. What
    /// does not hold for all of them is not known.
    static func namespaceLabels(_ seen: Surroundings) -> [[String: String]] {
        if let labels = seen.namespace?.labels { return [labels] }
        // Every namespace has this label since Kubernetes 1.21.
        let known = ["kubernetes.io/metadata.name": seen.names.namespace]
        let asked = seen.networkPolicies.map(NetworkPolicy.init).flatMap(\.namespaceSelectors).compactMap { selector in
            selector.witness.flatMap { witness -> [String: String]? in
                let labels = witness.merging(known) { $1 }
                return selector.matches(labels) ? labels : nil
            }
        }
        let all = asked.reduce(known) { $0.merging($1) { first, _ in first } }
        return [known] + asked + [all]
    }

    /// The labels that NetworkPolicies tell the interceptor's Pods of every hijack by.
    var mark: [String: String] { [Marks.appLabel: Marks.appValue] }

    /// Where the interceptor listens for a port.
    func listener(_ port: Port) -> Int { InterceptedPort.listener(at: port.index) }

    /// The numbers the original's Pods listen on for these ports.
    func targets(of ports: [Port]) -> [Int] {
        Set(ports.flatMap { port in self.originals.compactMap { Surroundings.target(of: port.json, in: $0.pod) } })
            .sorted()
    }

    /// Whether one direction of a connection is open to a Pod of the original; nil where none has that port.
    func reachesOriginal(_ direction: NetworkPolicy.Direction, from source: PolicyParty, _ port: Port) -> Bool? {
        let reachable = self.originals.compactMap { original in
            Surroundings.target(of: port.json, in: original.pod).map {
                self.policies.opens(direction, from: source, to: original.party, port: $0)
            }
        }
        return reachable.isEmpty ? nil : reachable.contains(true)
    }

    /// Whether anybody is let in to the original and not to the interceptor.
    func losesCallers(of port: Port) -> Bool {
        let isOpen = self.policies.isolating(self.interceptor, .ingress).isEmpty
        guard !isOpen else { return false }
        return self.callers.contains { caller in
            self.reachesOriginal(.ingress, from: caller, port) == true
                && !self.policies.opens(.ingress, from: caller, to: self.interceptor, port: self.listener(port))
        }
    }

    /// Who may call: the namespace's other Pods, whoever a policy names, and a stranger.
    private var callers: [PolicyParty] {
        let named = self.policies.flatMap { policy in
            policy.rules(.ingress).flatMap { $0["from"]?.array ?? [] }.compactMap {
                policy.witness(of: $0, namespaceLabels: self.namespaceLabels)
            }
        }
        let stranger = PolicyParty(namespace: "(another)", namespaceLabels: [:], labels: [:])
        // A rule for interceptors is there for what they fetch from the original: they call nobody else.
        let callers = named.filter { $0.labels?[Marks.appLabel] != Marks.appValue }
        return self.neighbours.map(\.party) + callers + [stranger]
    }

    /// The rules that admit the original's callers to the interceptor: their peers, its port.
    func callerRules(of port: Port) -> [JSONValue] {
        let listener: JSONValue = [["port": .integer(Int64(self.listener(port)))]]
        guard let original = self.originals.first,
            let target = Surroundings.target(of: port.json, in: original.pod)
        else { return [] }
        let isolating = self.policies.isolating(original.party, .ingress)
        guard !isolating.isEmpty else { return [["ports": listener]] }
        return isolating.flatMap { $0.rules(.ingress) }
            .filter { NetworkPolicy.covers($0, port: target, of: original.party) }
            .map { rule in
                var copy: JSONValue = ["ports": listener]
                copy["from"] = rule["from"]
                return copy
            }
    }

    /// Whether an interceptor's Pod gets to the API server, as far as its addresses are known.
    var reachesAPIServer: Bool {
        let isolating = self.policies.isolating(self.interceptor, .egress)
        guard !isolating.isEmpty else { return true }
        guard self.seen.apiServers.isEmpty else {
            return self.seen.apiServers.contains { server in
                let party = PolicyParty(namespace: "", namespaceLabels: [:], labels: nil, addresses: [server.address])
                return self.policies.opens(.egress, from: self.interceptor, to: party, port: server.port)
            }
        }
        // It is no Pod: only a rule for all peers or for a block of addresses can be meant for it.
        return isolating.flatMap { $0.rules(.egress) }.contains { rule in
            let peers = rule["to"]?.array ?? []
            return peers.isEmpty || peers.contains { $0["ipBlock"] != nil }
        }
    }

    /// The command that lets the interceptor out to the original and to the API server.
    var egressCommand: String {
        let servers: [JSONValue] = self.seen.apiServers.map { server in
            let bits = server.address.contains(":") ? 128 : 32
            return [
                "to": [["ipBlock": ["cidr": .string("\(server.address)/\(bits)")]]],
                "ports": [["port": .integer(Int64(server.port))]],
            ]
        }
        let original: JSONValue = [
            "to": [["podSelector": ["matchLabels": JSONValue(self.seen.selector)]]],
            "ports": .array(self.targets(of: self.seen.ports).map { ["port": .integer(Int64($0))] }),
        ]
        let anyServer: JSONValue = ["ports": [["port": 443], ["port": 6443]]]
        return self.command(
            "egress",
            selector: self.mark,
            ["policyTypes": ["Egress"], "egress": .array([original] + (servers.isEmpty ? [anyServer] : servers))]
        )
    }

    /// The command that adds a NetworkPolicy of Detour's own.
    func command(_ suffix: String, selector: [String: String], _ spec: [String: JSONValue]) -> String {
        var spec = spec
        spec["podSelector"] = ["matchLabels": JSONValue(selector)]
        let policy = DynamicObject(
            .networkPolicies,
            name: "\(self.seen.names.interceptor)-\(suffix)",
            namespace: self.seen.names.namespace,
            ["spec": .object(spec)]
        )
        return "echo '\(policy.json.compact)' | kubectl apply -f -"
    }
}
