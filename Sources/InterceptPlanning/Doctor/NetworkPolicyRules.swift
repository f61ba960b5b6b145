import KubernetesModel

extension Diagnosis {
    /// NetworkPolicies that let a connection pass today and would drop it when the interceptor is in between.
    ///
    /// Port-forward needs no rule: the kubelet connects inside the Pod. Neither do probes: the API promises that traffic of
    /// a Pod's own node is let in.
    static func networkPolicies(_ seen: Surroundings) -> [Finding] {
        guard !seen.networkPolicies.isEmpty, !seen.readyWorkload.isEmpty else { return [] }
        let worlds = PolicyPaths.namespaceLabels(seen).map { PolicyPaths(seen, namespaceLabels: $0) }
        let rules = [self.callers, self.callersEgress, self.original, self.apiServer]
        return rules.flatMap { rule -> [Finding] in
            // Nothing is said to stop an intercept that labels which may not be read could let through.
            let found = worlds.map { rule($0, seen) }
            return found.min { $0.count < $1.count } ?? []
        }
    }

    private static func callers(_ paths: PolicyPaths, _ seen: Surroundings) -> [Finding] {
        let ports = seen.ports.filter { paths.losesCallers(of: $0) }
        guard !ports.isEmpty else { return [] }
        let closing = paths.policies.isolating(paths.interceptor, .ingress).map(\.name).sorted()
        let rules = ports.flatMap { paths.callerRules(of: $0) }
        return [
            Finding(
                .stops,
                .policyCallers,
                "NetworkPolicy \(closing.joined(separator: ", ")) lets callers reach the Pods of \(seen.place) but not "
                    + "its interceptor's (port \(ports.list)): they would be cut off",
                mend: "admit the same callers to the interceptor: "
                    + paths.command(
                        "callers",
                        selector: paths.mark,
                        ["policyTypes": ["Ingress"], "ingress": .array(rules)]
                    )
            )
        ]
    }

    private static func callersEgress(_ paths: PolicyPaths, _ seen: Surroundings) -> [Finding] {
        var closing: Set<String> = []
        var callers: Set<String> = []
        for (pod, party) in paths.neighbours {
            let isLost = seen.ports.contains { port in
                paths.reachesOriginal(.egress, from: party, port) == true
                    && !paths.policies.opens(.egress, from: party, to: paths.interceptor, port: paths.listener(port))
            }
            guard isLost else { continue }
            callers.insert(Workload(of: pod)?.reference ?? "pod/\(pod.name)")
            closing.formUnion(paths.policies.isolating(party, .egress).map(\.name))
        }
        guard !callers.isEmpty else { return [] }
        let listeners = seen.ports.map { String(paths.listener($0)) }.joined(separator: ", ")
        let edits = closing.sorted().map { "kubectl edit networkpolicy \($0) -n \(seen.names.namespace)" }
        return [
            Finding(
                .stops,
                .policyCallers,
                "NetworkPolicy \(closing.sorted().joined(separator: ", ")) lets \(callers.sorted().joined(separator: ", ")) "
                    + "call the Pods of \(seen.place) but not its interceptor's: they would be cut off",
                mend:
                    "add to its egress a peer with podSelector matchLabels \(Marks.appLabel): \(Marks.appValue) and TCP "
                    + "port \(listeners): \(edits.joined(separator: "; "))"
            )
        ]
    }

    private static func original(_ paths: PolicyPaths, _ seen: Surroundings) -> [Finding] {
        let interceptor = paths.interceptor
        let egress = seen.ports.filter { paths.reachesOriginal(.egress, from: interceptor, $0) == false }
        let ingress = seen.ports.filter { paths.reachesOriginal(.ingress, from: interceptor, $0) == false }
        var found: [Finding] = []
        func add(_ closing: [NetworkPolicy], _ ports: [PolicyPaths.Port], _ what: String, _ mend: String) {
            found.append(
                Finding(
                    .stops,
                    .policyOriginal,
                    "NetworkPolicy \(Set(closing.map(\.name)).sorted().joined(separator: ", ")) \(what) of \(seen.place) "
                        + "(port \(ports.list)): what is not intercepted would be cut off",
                    mend: mend
                )
            )
        }
        if !egress.isEmpty {
            add(
                paths.policies.isolating(interceptor, .egress),
                egress,
                "does not let the interceptor connect to the Pods",
                "let it: " + paths.egressCommand
            )
        }
        if !ingress.isEmpty {
            let rules: [JSONValue] = [
                [
                    "from": [["podSelector": ["matchLabels": JSONValue(paths.mark)]]],
                    "ports": .array(paths.targets(of: ingress).map { ["port": .integer(Int64($0))] }),
                ]
            ]
            add(
                paths.originals.flatMap { paths.policies.isolating($0.party, .ingress) },
                ingress,
                "does not admit the interceptor to the Pods",
                "admit it: "
                    + paths.command(
                        "original",
                        selector: seen.selector,
                        ["policyTypes": ["Ingress"], "ingress": .array(rules)]
                    )
            )
        }
        return found
    }

    private static func apiServer(_ paths: PolicyPaths, _ seen: Surroundings) -> [Finding] {
        guard !paths.reachesAPIServer else { return [] }
        let closing = paths.policies.isolating(paths.interceptor, .egress).map(\.name).sorted()
        let addresses = seen.apiServers.map { "\($0.address):\($0.port)" }.joined(separator: ", ")
        return [
            Finding(
                .stops,
                .policyAPIServer,
                "NetworkPolicy \(closing.joined(separator: ", ")) does not let the interceptor's Pods in namespace "
                    + "\(seen.names.namespace) connect to the API server\(addresses.isEmpty ? "" : " (\(addresses))"): they could "
                    + "not start, nor put the Service back",
                mend: "let them: " + paths.egressCommand
            )
        ]
    }
}

extension [PolicyPaths.Port] {
    fileprivate var list: String { self.map { String($0.json["port"]?.integer ?? 0) }.joined(separator: ", ") }
}
