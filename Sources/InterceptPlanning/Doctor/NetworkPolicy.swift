import KubernetesModel

/// One end of a connection, as NetworkPolicies see it.
struct PolicyParty: Sendable, Hashable {
    var namespace: String
    var namespaceLabels: [String: String]
    /// Nil for what is no Pod.
    var labels: [String: String]?
    /// Its IP addresses, as far as they are known.
    var addresses: [String] = []
    /// The container ports with names.
    var namedPorts: [String: Int] = [:]
}

/// A NetworkPolicy (`networking.k8s.io/v1`) as a question that can be asked. A part that cannot be read admits nothing.
struct NetworkPolicy: Sendable {
    /// Which way a connection goes, seen from the Pods that a policy selects.
    enum Direction: String, Sendable {
        case ingress = "Ingress"
        case egress = "Egress"

        /// The member of `spec` that holds the rules, and that of a rule that holds the peers.
        var keys: (rules: String, peers: String) { self == .ingress ? ("ingress", "from") : ("egress", "to") }
    }

    let name: String
    private let namespace: String
    private let spec: JSONValue

    /// The policy that an object holds.
    init(_ object: DynamicObject) {
        self.name = object.name
        self.namespace = object.namespace ?? ""
        self.spec = object["spec"] ?? [:]
    }

    /// Whether the policy closes this direction for a Pod, to be opened by rules only.
    func isolates(_ party: PolicyParty, _ direction: Direction) -> Bool {
        guard party.namespace == self.namespace, let labels = party.labels else { return false }
        // No policyTypes: Ingress always, Egress where there are rules for it.
        let types = self.spec["policyTypes"]?.array.map { $0.compactMap(\.string) } ?? []
        let applies =
            types.isEmpty
            ? direction == .ingress || self.spec["egress"] != nil
            : types.contains(direction.rawValue)
        return applies && LabelSelector(self.spec["podSelector"] ?? [:])?.matches(labels) ?? false
    }

    /// The rules of a direction.
    func rules(_ direction: Direction) -> [JSONValue] { self.spec[direction.keys.rules]?.array ?? [] }

    /// Which namespaces its rules name by labels.
    var namespaceSelectors: [LabelSelector] {
        [Direction.ingress, .egress].flatMap { direction in
            self.rules(direction).flatMap { $0[direction.keys.peers]?.array ?? [] }
                .compactMap { $0["namespaceSelector"].flatMap { LabelSelector($0) } }
        }
    }

    /// Whether a rule is about a TCP port of `destination`.
    static func covers(_ rule: JSONValue, port: Int, of destination: PolicyParty) -> Bool {
        guard let ports = rule["ports"]?.array, !ports.isEmpty else { return true }
        return ports.contains { entry in
            guard (entry["protocol"]?.string ?? "TCP") == "TCP" else { return false }
            switch entry["port"] {
            case nil, .null: return true
            case .integer(let first): return (Int(first)...max(Int(first), entry.endPort)).contains(port)
            case .string(let name): return destination.namedPorts[name] == port
            default: return false
            }
        }
    }

    /// Whether a rule admits a peer.
    func admits(_ rule: JSONValue, _ direction: Direction, _ peer: PolicyParty) -> Bool {
        guard let peers = rule[direction.keys.peers]?.array, !peers.isEmpty else { return true }
        return peers.contains { self.matches($0, peer) }
    }

    private func matches(_ json: JSONValue, _ peer: PolicyParty) -> Bool {
        if let block = json["ipBlock"] {
            guard let range = block["cidr"]?.string.flatMap({ AddressBlock($0) }) else { return false }
            let exceptions = (block["except"]?.array ?? []).compactMap { $0.string.flatMap { AddressBlock($0) } }
            return peer.addresses.contains { address in
                range.contains(address) && !exceptions.contains { $0.contains(address) }
            }
        }
        guard let labels = peer.labels else { return false }
        if let selector = json["namespaceSelector"] {
            guard LabelSelector(selector)?.matches(peer.namespaceLabels) ?? false else { return false }
        } else if peer.namespace != self.namespace {
            return false
        }
        guard let selector = json["podSelector"] else { return json["namespaceSelector"] != nil }
        return LabelSelector(selector)?.matches(labels) ?? false
    }

    /// Somebody whom a peer of a rule is meant for; nil when that cannot be told.
    func witness(of json: JSONValue, namespaceLabels own: [String: String]) -> PolicyParty? {
        if let cidr = json[path: "ipBlock", "cidr"]?.string {
            let address = cidr.split(separator: "/").first.map(String.init)
            let party = PolicyParty(
                namespace: "",
                namespaceLabels: [:],
                labels: nil,
                addresses: address.map { [$0] } ?? []
            )
            return self.matches(json, party) ? party : nil
        }
        guard let labels = LabelSelector(json["podSelector"] ?? [:])?.witness else { return nil }
        guard let selector = json["namespaceSelector"] else {
            return PolicyParty(namespace: self.namespace, namespaceLabels: own, labels: labels)
        }
        guard let namespaceLabels = LabelSelector(selector)?.witness else { return nil }
        let name = namespaceLabels["kubernetes.io/metadata.name"] ?? "(another)"
        return PolicyParty(namespace: name, namespaceLabels: namespaceLabels, labels: labels)
    }
}

extension JSONValue {
    fileprivate var endPort: Int { self["endPort"]?.integer.map(Int.init) ?? 0 }
}

extension [NetworkPolicy] {
    /// The policies that close a direction for a Pod.
    func isolating(_ party: PolicyParty, _ direction: NetworkPolicy.Direction) -> [NetworkPolicy] {
        self.filter { $0.isolates(party, direction) }
    }

    /// Whether one direction of a connection to a TCP port is open: no policy closes it, or a rule of one that does
    /// opens it.
    func opens(
        _ direction: NetworkPolicy.Direction,
        from source: PolicyParty,
        to destination: PolicyParty,
        port: Int
    ) -> Bool {
        let (subject, peer) = direction == .ingress ? (destination, source) : (source, destination)
        let isolating = self.isolating(subject, direction)
        return isolating.isEmpty
            || isolating.contains { policy in
                policy.rules(direction).contains {
                    NetworkPolicy.covers($0, port: port, of: destination) && policy.admits($0, direction, peer)
                }
            }
    }
}
