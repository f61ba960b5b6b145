import KubernetesModel

/// What makes a Service unfit to be intercepted: the refusals of a start and the worst findings of a diagnosis are the
/// same.
enum ServiceObstacles {
    /// Every obstacle, the first of which a start is refused with.
    static func all(in service: DynamicObject, _ names: InterceptNames) -> [Finding] {
        let place = "service \(names.service) in namespace \(names.namespace)"
        func stop(_ code: Finding.Code, _ why: String, mend: String) -> Finding {
            Finding(.stops, code, "\(place) \(why)", mend: mend)
        }
        let spec = service["spec"] ?? .object([:])
        if spec["type"]?.string == "ExternalName" {
            return [
                stop(
                    .externalName,
                    "is of type ExternalName: it is a DNS alias of \(spec["externalName"]?.string ?? "another name") "
                        + "and no traffic passes it",
                    mend: "intercept the Service it points to"
                )
            ]
        }
        var found: [Finding] = []
        if spec["clusterIP"]?.string == "None" {
            found.append(
                stop(
                    .headless,
                    "is headless (clusterIP: None): clients connect to the Pods themselves, and a changed selector "
                        + "would not lead them to the interceptor",
                    mend: "intercept a Service with a cluster address"
                )
            )
        }
        if (spec["selector"]?.strings ?? [:]).isEmpty {
            found.append(
                stop(
                    .noSelector,
                    "has no selector: its endpoints are made by hand, so there is nothing to swap",
                    mend: "intercept a Service that selects Pods"
                )
            )
        }
        for port in spec["ports"]?.array ?? [] where (port["protocol"]?.string ?? "TCP") != "TCP" {
            found.append(
                stop(
                    .portNotTCP,
                    "has a port that is not TCP (\(port["port"]?.integer ?? 0)/\(port["protocol"]?.string ?? "")): its "
                        + "traffic would be lost while the Service is intercepted",
                    mend: "move that port to a Service of its own"
                )
            )
        }
        for policy in ["externalTrafficPolicy", "internalTrafficPolicy"] where spec[policy]?.string == "Local" {
            found.append(
                stop(
                    .trafficPolicyLocal,
                    "has \(policy): Local: nodes without an interceptor replica would drop its traffic",
                    mend: "set it to Cluster while you intercept"
                )
            )
        }
        if names.decoy.utf8.count > 63 {
            found.append(
                stop(
                    .nameTooLong,
                    "has a name too long for its decoy (\(names.decoy) has \(names.decoy.utf8.count) characters, 63 are "
                        + "allowed)",
                    mend: "intercept another Service that selects its Pods"
                )
            )
        }
        return found + self.hijack(of: service, names)
    }

    /// A hijack that nothing but the Service itself tells of.
    static func hijack(of service: DynamicObject, _ names: InterceptNames) -> [Finding] {
        guard let incarnation = ServiceSwap.selectedIncarnation(of: service) else { return [] }
        return [
            Finding(
                .stops,
                .hijackedWithoutSession,
                "service \(names.service) in namespace \(names.namespace) is hijacked by session hash \(incarnation), "
                    + "which no Session describes any more",
                mend: "`detour session close \(names.service) -n \(names.namespace)` restores it"
            )
        ]
    }
}
