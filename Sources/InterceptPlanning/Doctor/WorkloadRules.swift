import KubernetesModel

extension Diagnosis {
    /// The Pods behind the Service, and who else leads to them.
    static func workload(_ seen: Surroundings) -> [Finding] {
        guard seen.pods != nil, !seen.selector.isEmpty else { return [] }
        return self.readiness(seen) + self.namedPorts(seen) + self.sharing(seen)
    }

    private static func readiness(_ seen: Surroundings) -> [Finding] {
        guard seen.readyWorkload.isEmpty else { return [] }
        let pods = seen.workload.count
        return [
            Finding(
                .stops,
                .noReadyEndpoints,
                "\(seen.place) has no ready Pod (\(pods == 0 ? "it selects none" : "of \(pods) it selects")): nothing "
                    + "could answer what is not intercepted",
                mend:
                    "get the original to work first; see kubectl get pods -n \(seen.names.namespace) -l \(seen.selector.query)"
            )
        ]
    }

    private static func namedPorts(_ seen: Surroundings) -> [Finding] {
        let pods = seen.readyWorkload
        guard !pods.isEmpty else { return [] }
        return seen.ports.flatMap { _, port -> [Finding] in
            guard let name = port["targetPort"]?.string else { return [] }
            let number = port["port"]?.integer ?? 0
            let lacking = pods.filter { Surroundings.target(of: port, in: $0) == nil }.map(\.name).sorted()
            let targets = Set(pods.compactMap { Surroundings.target(of: port, in: $0) }).sorted()
            guard lacking.isEmpty else {
                // The decoy is proved by any one port: with another port an intercept still comes up.
                let isDead = lacking.count == pods.count
                return [
                    Finding(
                        isDead && seen.ports.count == 1 ? .stops : .hurts,
                        .portUnresolved,
                        "port \(number) of \(seen.place) leads to a container port named '\(name)', which "
                            + "\(isDead ? "none of its ready Pods has" : "\(lacking.joined(separator: ", ")) lacks"): "
                            + "nothing answers there",
                        mend: "name the port in the Pod template, or set targetPort to its number: "
                            + "kubectl edit service \(seen.names.service) -n \(seen.names.namespace)"
                    )
                ]
            }
            guard targets.count > 1 else { return [] }
            return [
                Finding(
                    .note,
                    .portDiffers,
                    "port \(number) of \(seen.place) ('\(name)') is another number in different Pods "
                        + "(\(targets.map(String.init).joined(separator: ", "))): is a roll-out under way?",
                    mend: "nothing: each Pod is reached at its own; NetworkPolicies must admit all of them"
                )
            ]
        }
    }

    private static func sharing(_ seen: Surroundings) -> [Finding] {
        let others = seen.services.filter { other in
            guard other.name != seen.names.service, ServiceSwap.selectedIncarnation(of: other) == nil,
                other.labels[Marks.sessionLabel] == nil
            else { return false }
            let selector = other[path: "spec", "selector"]?.strings ?? [:]
            return !selector.isEmpty
                && seen.workload.contains { LabelSelector(labels: selector).matches($0.labels) }
        }
        guard !others.isEmpty else { return [] }
        let names = others.map(\.name).sorted()
        let fit = others.filter { ServiceObstacles.all(in: $0, seen.names).isEmpty }.map(\.name).sorted()
        return [
            Finding(
                .hurts,
                .sharedWorkload,
                "the Pods of \(seen.place) are reached through \(names.joined(separator: ", ")) too: "
                    + "callers that use \(names.count == 1 ? "that" : "those") are not intercepted",
                mend: fit.isEmpty
                    ? "call \(seen.names.service) instead"
                    : "call \(seen.names.service), or intercept these too: "
                        + fit.map { "detour intercept \($0) -n \(seen.names.namespace)" }.joined(separator: "; ")
            )
        ]
    }

    /// Whether the intercept and the original survive what a cluster does in its daily life.
    static func redundancy(_ seen: Surroundings) -> [Finding] {
        guard let pod = seen.readyWorkload.first else { return [] }
        return self.replicas(seen) + self.autoscaler(Workload(of: pod), seen) + self.budgets(seen)
    }

    private static func replicas(_ seen: Surroundings) -> [Finding] {
        guard seen.readyWorkload.count == 1 else { return [] }
        return [
            Finding(
                .note,
                .singleReplica,
                "\(seen.place) has one ready Pod, so its interceptor gets one replica: when that is killed without "
                    + "warning, connections fail until it runs again",
                mend: "two replicas, where that matters: detour intercept \(seen.names.service) "
                    + "-n \(seen.names.namespace) --replicas 2"
            )
        ]
    }

    private static func autoscaler(_ workload: Workload?, _ seen: Surroundings) -> [Finding] {
        guard let workload else { return [] }
        return seen.autoscalers.filter {
            $0[path: "spec", "scaleTargetRef", "kind"]?.string == workload.kind
                && $0[path: "spec", "scaleTargetRef", "name"]?.string == workload.name
        }.map { scaler in
            Finding(
                .note,
                .autoscaler,
                "HorizontalPodAutoscaler \(scaler.name) scales \(workload.reference) by its load: what your machine "
                    + "answers no longer counts, and it may scale down (to \(scaler.minReplicas))",
                mend: "nothing for a few requests; for more, raise minReplicas meanwhile: "
                    + "kubectl edit horizontalpodautoscaler \(scaler.name) -n \(seen.names.namespace)"
            )
        }
    }

    private static func budgets(_ seen: Surroundings) -> [Finding] {
        guard let budgets = seen.disruptionBudgets, let pod = seen.readyWorkload.first else { return [] }
        func guarding(_ labels: [String: String]) -> [DynamicObject] {
            budgets.filter { $0.labels[Marks.sessionLabel] == nil && $0.selects(labels) }
        }
        let own = guarding(pod.labels)
        var found = own.filter { $0[path: "status", "disruptionsAllowed"]?.integer == 0 }.map { budget in
            Finding(
                .note,
                .budgetBlocked,
                "PodDisruptionBudget \(budget.name) allows no Pod of \(seen.place) to be evicted now: a node drain waits",
                mend: "nothing for the intercept itself; see why: kubectl describe poddisruptionbudget \(budget.name) "
                    + "-n \(seen.names.namespace)"
            )
        }
        if own.isEmpty, seen.readyWorkload.count > 1 {
            found.append(
                Finding(
                    .note,
                    .budgetMissing,
                    "no PodDisruptionBudget guards the Pods of \(seen.place): a node drain may take all of them at "
                        + "once, and then the intercept has no original to fall back to",
                    mend: "make one where that matters: " + self.budgetCommand(seen)
                )
            )
        }
        // Two budgets on one Pod: the eviction API refuses both (policy/v1, "found more than one").
        let labels = Marks.selector(incarnation: seen.planned.incarnation)
        if seen.planned.settings.replicas > 1 {
            found += guarding(labels).map { budget in
                Finding(
                    .hurts,
                    .budgetOverlap,
                    "PodDisruptionBudget \(budget.name) selects the interceptor's Pods as well as their own budget "
                        + "does: they could not be evicted, and a node drain would hang",
                    mend: "narrow its selector, or ask for one replica, which has no budget of its own: --replicas 1"
                )
            }
        }
        return found
    }
}

extension Diagnosis {
    /// The command that makes a budget for the original.
    private static func budgetCommand(_ seen: Surroundings) -> String {
        let names = seen.names
        guard let version = seen.version, !version.isAtLeast(1, 21) else {
            return "kubectl create poddisruptionbudget \(names.service) -n \(names.namespace) "
                + "--selector=\(seen.selector.query) --max-unavailable=1"
        }
        // `kubectl create` of later versions knows policy/v1 only, which this server does not have.
        var type = ResourceType.podDisruptionBudgets
        type.version = "v1beta1"
        let spec: JSONValue = ["maxUnavailable": 1, "selector": ["matchLabels": JSONValue(seen.selector)]]
        let budget = DynamicObject(type, name: names.service, namespace: names.namespace, ["spec": spec])
        return "echo '\(budget.json.compact)' | kubectl apply -f -"
    }
}

extension DynamicObject {
    fileprivate var minReplicas: Int64 { self[path: "spec", "minReplicas"]?.integer ?? 1 }

    /// Whether `spec.selector` selects these labels. Without a selector nothing is.
    fileprivate func selects(_ labels: [String: String]) -> Bool {
        self[path: "spec", "selector"].flatMap { LabelSelector($0) }?.matches(labels) ?? false
    }
}

extension [String: String] {
    /// As a label selector in a URL or a command line: `app=leaf,tier=backend`.
    var query: String { self.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }
}
