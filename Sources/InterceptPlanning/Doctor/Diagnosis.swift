/// What would stop or hurt an intercept: rules over what was seen. The same surroundings give the same findings.
public enum Diagnosis {
    /// Every finding, the worst first, in the order of the rules.
    public static func findings(in seen: Surroundings) -> [Finding] {
        let all = Self.rules.flatMap { $0(seen) }
        return Finding.Severity.allCases.flatMap { severity in all.filter { $0.severity == severity } }
    }

    private static let rules: [@Sendable (Surroundings) -> [Finding]] = [
        Self.access, Self.sessions, Self.service, Self.protocols, Self.workload, Self.redundancy, Self.networkPolicies,
        Self.admission, Self.quotas, Self.limitRanges, Self.image, Self.versions, Self.meshes, Self.owners,
        Self.connections, Self.unseen,
    ]
}
