import KubernetesModel

extension Diagnosis {
    /// What the Service itself says, as it was before any hijack.
    static func service(_ seen: Surroundings) -> [Finding] {
        guard let service = seen.original else { return self.hijack(seen) }
        let obstacles = ServiceObstacles.all(in: service, seen.names)
            .filter { $0.code != .hijackedWithoutSession }
            .map { $0.code == .trafficPolicyLocal ? self.localPolicy($0, seen) : $0 }
        return self.hijack(seen) + obstacles + self.affinity(service, seen) + self.topology(service, seen)
            + self.notReadyAddresses(service, seen)
    }

    /// A hijack of which the Service alone tells. A Session that may not be read is none that is gone.
    private static func hijack(_ seen: Surroundings) -> [Finding] {
        let isBlind = seen.unseen.contains { SessionKind(rawValue: $0.resource) != nil }
        guard let service = seen.service, seen.session == nil, !isBlind else { return [] }
        return ServiceObstacles.hijack(of: service, seen.names).map { hijack in
            guard seen.original == nil else { return hijack }
            var lost = hijack
            lost.mend =
                "nothing is left that knows its original: put selector and targetPorts back with kubectl edit service "
                + "\(seen.names.service) -n \(seen.names.namespace)"
            return lost
        }
    }

    /// Where its Pods are says what a replica on each node would take.
    private static func localPolicy(_ obstacle: Finding, _ seen: Surroundings) -> Finding {
        let nodes = Set(seen.readyWorkload.compactMap { $0[path: "spec", "nodeName"]?.string }).sorted()
        var obstacle = obstacle
        if !nodes.isEmpty { obstacle.message += "; its ready Pods are on \(nodes.joined(separator: ", "))" }
        let spec = seen.service?["spec"] ?? [:]
        let policies = ["externalTrafficPolicy", "internalTrafficPolicy"].filter { spec[$0]?.string == "Local" }
        let patch: JSONValue = [
            "spec": .object(Dictionary(policies.map { ($0, "Cluster") }, uniquingKeysWith: { $1 }))
        ]
        obstacle.mend +=
            ": kubectl patch service \(seen.names.service) -n \(seen.names.namespace) --type=merge -p '\(patch.compact)'"
        return obstacle
    }

    private static func affinity(_ service: DynamicObject, _ seen: Surroundings) -> [Finding] {
        guard service[path: "spec", "sessionAffinity"]?.string == "ClientIP" else { return [] }
        return [
            Finding(
                .hurts,
                .sessionAffinity,
                "\(seen.place) has sessionAffinity: ClientIP: behind the interceptor each connection of a client may "
                    + "reach another Pod of the original",
                mend: "intercept while nobody depends on it, or scale the original to one replica meanwhile"
            )
        ]
    }

    private static func topology(_ service: DynamicObject, _ seen: Surroundings) -> [Finding] {
        let annotations = service.annotations
        let keys = ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"]
        let annotated = keys.first { key in
            annotations[key].map { !["disabled", ""].contains($0.lowercased()) } ?? false
        }
        let distribution = service[path: "spec", "trafficDistribution"]?.string.map { "trafficDistribution: \($0)" }
        guard let what = annotated ?? distribution else { return [] }
        return [
            Finding(
                .note,
                .topology,
                "\(seen.place) keeps traffic near its clients (\(what)): through one or two interceptor replicas it "
                    + "crosses zones",
                mend: "nothing; expect another latency and traffic between zones, or ask for more replicas (--replicas)"
            )
        ]
    }

    private static func notReadyAddresses(_ service: DynamicObject, _ seen: Surroundings) -> [Finding] {
        guard service[path: "spec", "publishNotReadyAddresses"]?.bool == true else { return [] }
        return [
            Finding(
                .hurts,
                .notReadyAddresses,
                "\(seen.place) has publishNotReadyAddresses: callers are sent to interceptor replicas that are not "
                    + "ready yet, and no longer to Pods of the original that are not",
                mend: "set it to false while you intercept, or use another Service of the same Pods"
            )
        ]
    }

    /// Who would put the Service back to what a repository says.
    static func owners(_ seen: Surroundings) -> [Finding] {
        guard let service = seen.original, let owner = GitOpsOwner(of: service) else { return [] }
        return [
            Finding(
                owner.reverts ? .hurts : .note,
                .gitops,
                "\(seen.place) is kept by \(owner.name) (\(owner.evidence)): "
                    + (owner.reverts
                        ? "it may put the selector back at any moment, and the intercept then ends"
                        : "its next upgrade puts the selector back, and the intercept then ends"),
                mend: owner.mend(seen.names)
            )
        ]
    }

    /// A swap moves no connection that is open: said before it surprises.
    static func connections(_ seen: Surroundings) -> [Finding] {
        guard !seen.readyWorkload.isEmpty else { return [] }
        let owner = Workload(of: seen.readyWorkload[0])
        let restart = owner.flatMap { $0.restart(in: seen.names.namespace) }
        return [
            Finding(
                .note,
                .openConnections,
                "callers that keep connections to \(seen.place) open stay with the original on these; only connections "
                    + "opened after `ready` can be intercepted",
                mend: "when nothing arrives, restart the callers, or the original with --restart-target"
                    + (restart.map { ", or what they are connected to: \($0)" } ?? "")
            )
        ]
    }
}
