import KubernetesModel

extension Diagnosis {
    /// ResourceQuotas that would refuse what an intercept makes.
    static func quotas(_ seen: Surroundings) -> [Finding] {
        // What is there already is counted already.
        guard seen.readableSession == nil else { return [] }
        let limits = seen.limitRanges.flatMap { $0.limits(of: "Container") }
        let needs = InterceptNeeds(planned: seen.planned, limits: limits)
        return seen.quotas.filter(self.applies).flatMap { quota in
            let hard = (quota[path: "status", "hard"] ?? quota[path: "spec", "hard"])?.object ?? [:]
            let used = quota[path: "status", "used"]?.object ?? [:]
            return hard.keys.sorted().compactMap { key -> Finding? in
                guard let limit = Quantity(hard[key]), let need = needs[key] else { return nil }
                let why: String
                var mend = "free some, or ask an administrator for more: "
                switch need {
                case .unset:
                    why = "wants \(key) of every container, and the interceptor's has none"
                    mend = "ask an administrator for a LimitRange with a default for it, which fills that in: "
                case .amount(let amount):
                    guard (Quantity(used[key]) ?? Quantity(0)) + amount.quantity > limit else { return nil }
                    why =
                        "has not enough \(key) left: \(used[key]?.string ?? "0") of \(hard[key]?.string ?? "") used, the "
                        + "intercept needs \(amount.text)"
                }
                return Finding(
                    .stops,
                    .quota,
                    "ResourceQuota \(quota.name) in namespace \(seen.names.namespace) \(why)",
                    mend: mend
                        + "kubectl describe resourcequota \(quota.name) -n \(seen.names.namespace)"
                )
            }
        }
    }

    /// Whether a quota's scopes take in the interceptor's Pods: neither best-effort nor bound to end, of no priority.
    private static func applies(_ quota: DynamicObject) -> Bool {
        let scopes = (quota[path: "spec", "scopes"]?.array ?? []).compactMap(\.string)
        let expressions = quota[path: "spec", "scopeSelector", "matchExpressions"]?.array ?? []
        let isOther = scopes.contains { ["BestEffort", "Terminating", "CrossNamespacePodAffinity"].contains($0) }
        return !isOther
            && expressions.allSatisfy { expression in
                let isNegative = ["NotIn", "DoesNotExist"].contains(expression["operator"]?.string ?? "")
                return switch expression["scopeName"]?.string {
                case "PriorityClass": isNegative
                case "BestEffort", "Terminating", "CrossNamespacePodAffinity": false
                default: true
                }
            }
    }

    /// LimitRanges that would refuse the interceptor's container, or throttle it.
    static func limitRanges(_ seen: Surroundings) -> [Finding] {
        let container = InterceptNeeds.container(of: seen.planned)
        // The server fills in the defaults of all ranges before it judges by any.
        let defaults = seen.limitRanges.flatMap { $0.limits(of: "Container") }
        return seen.limitRanges.flatMap { range -> [Finding] in
            func finding(_ severity: Finding.Severity, _ what: String) -> Finding {
                Finding(
                    severity,
                    .limitRange,
                    "LimitRange \(range.name) in namespace \(seen.names.namespace) \(what)",
                    mend:
                        "ask an administrator to let it: kubectl edit limitrange \(range.name) -n \(seen.names.namespace)"
                )
            }
            // The interceptor's Pods have one container: what holds for the Pod holds for that.
            return range.limits(of: "Container").flatMap { limit in
                self.breaches(limit, container, defaults: [limit] + defaults).map { finding(.stops, $0) }
                    + self.throttling(limit, container).map { finding(.hurts, $0) }
            }
                + range.limits(of: "Pod").flatMap { limit in
                    self.breaches(limit, container, defaults: defaults).map { finding(.stops, $0) }
                }
        }
    }

    private static func breaches(_ limit: JSONValue, _ container: JSONValue, defaults: [JSONValue]) -> [String] {
        ["cpu", "memory"].flatMap { resource -> [String] in
            func bound(_ key: String, of limit: JSONValue = limit) -> (text: String, amount: Quantity)? {
                guard let json = limit[key]?[resource], let amount = Quantity(json) else { return nil }
                return (json.string ?? json.compact, amount)
            }
            let request = Quantity(container[path: "resources", "requests"]?[resource]) ?? Quantity(0)
            let given = Quantity(container[path: "resources", "limits"]?[resource])
            // The server takes the maximum for a default limit that is not there.
            let filled = defaults.lazy.compactMap { bound("default", of: $0) ?? bound("max", of: $0) }.first
            let top = given ?? filled?.amount
            var found: [String] = []
            if let least = bound("min"), request < least.amount {
                found.append("wants at least \(least.text) of \(resource) requested; the interceptor asks for less")
            }
            if let most = bound("max"), top.map({ $0 > most.amount }) ?? true {
                found.append("allows at most \(most.text) of \(resource); the interceptor's limit is above, or absent")
            }
            if limit["type"]?.string == "Container", let top, top < request {
                found.append("gives the interceptor a limit of \(resource) below what it requests")
            }
            if let ratio = bound("maxLimitRequestRatio"),
                top.map({ $0.thousandths > ratio.amount.thousandths / 1000 * request.thousandths }) ?? true
            {
                found.append("wants a limit of \(resource), of at most \(ratio.text) times the request")
            }
            return found
        }
    }

    private static func throttling(_ limit: JSONValue, _ container: JSONValue) -> [String] {
        guard container[path: "resources", "limits", "cpu"] == nil,
            let cap = (limit["default"] ?? limit["max"])?["cpu"],
            let amount = Quantity(cap), amount.thousandths < 1000
        else { return [] }
        return [
            "limits the interceptor to \(cap.string ?? cap.compact) of a CPU: everybody's requests wait while it is "
                + "throttled"
        ]
    }
}

extension DynamicObject {
    /// The entries of a LimitRange for a type.
    fileprivate func limits(of type: String) -> [JSONValue] {
        (self[path: "spec", "limits"]?.array ?? []).filter { $0["type"]?.string == type }
    }
}
