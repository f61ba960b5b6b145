import KubernetesModel

extension Diagnosis {
    /// Whether Pod security lets the interceptor's Pods in.
    static func admission(_ seen: Surroundings) -> [Finding] {
        guard let namespace = seen.namespace else { return [] }
        let pod = InterceptManifests(session: seen.planned).podSpec
        return self.podSecurity(namespace, pod) + self.userRange(namespace, pod, seen)
    }

    private static func podSecurity(_ namespace: DynamicObject, _ pod: JSONValue) -> [Finding] {
        let label = "pod-security.kubernetes.io/enforce"
        guard let level = namespace.labels[label], level != "privileged" else { return [] }
        let violations = RestrictedPod.violations(of: pod)
        guard violations.isEmpty else {
            return [
                Finding(
                    .stops,
                    .podSecurity,
                    "namespace \(namespace.name) enforces \(label)=\(level), which the interceptor's Pods break: "
                        + violations.joined(separator: "; "),
                    mend: "ask an administrator for another level, or intercept in another namespace"
                )
            ]
        }
        return [
            Finding(
                .note,
                .podSecurity,
                "namespace \(namespace.name) enforces \(label)=\(level); the interceptor's Pods conform to 'restricted'",
                mend: "nothing"
            )
        ]
    }

    /// OpenShift gives each namespace a range of users and refuses others, unless a constraint says otherwise.
    private static func userRange(_ namespace: DynamicObject, _ pod: JSONValue, _ seen: Surroundings) -> [Finding] {
        let range = namespace.annotations["openshift.io/sa.scc.uid-range"] ?? ""
        let parts = range.split(separator: "/").compactMap { Int64($0) }
        guard parts.count == 2, parts[1] > 0, let user = pod[path: "securityContext", "runAsUser"]?.integer,
            user < parts[0] || user - parts[0] >= parts[1]
        else { return [] }
        return [
            Finding(
                .stops,
                .openshiftUser,
                "namespace \(namespace.name) admits users \(range) only, and the interceptor runs as user \(user)",
                mend: "let its account use any user but root: oc adm policy add-scc-to-user nonroot-v2 "
                    + "-z \(seen.names.interceptor) -n \(seen.names.namespace)"
            )
        ]
    }
}

/// The `restricted` Pod Security Standard, as far as a Pod of ours could break it.
enum RestrictedPod {
    private static let volumes: Set = [
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    ]

    /// Those that every version from 1.20 on allows.
    private static let sysctls: Set = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ping_group_range",
        "net.ipv4.tcp_syncookies",
    ]

    /// What a Pod's spec breaks, one sentence each.
    static func violations(of pod: JSONValue) -> [String] {
        var found: [String] = []
        for key in ["hostNetwork", "hostPID", "hostIPC"] where pod[key]?.bool == true { found.append("\(key) is true") }
        for sysctl in pod[path: "securityContext", "sysctls"]?.array ?? [] {
            let name = sysctl["name"]?.string ?? ""
            if !Self.sysctls.contains(name) { found.append("sysctl \(name) is not a safe one") }
        }
        for volume in pod["volumes"]?.array ?? [] {
            let kinds = Set((volume.object ?? [:]).keys).subtracting(["name"])
            if !kinds.isSubset(of: Self.volumes) {
                found.append("volume \(volume["name"]?.string ?? "") is not allowed")
            }
        }
        for container in (pod["containers"]?.array ?? []) + (pod["initContainers"]?.array ?? []) {
            let name = container["name"]?.string ?? ""
            let own = container["securityContext"] ?? [:]
            let shared = pod["securityContext"] ?? [:]
            let drops = (own[path: "capabilities", "drop"]?.array ?? []).compactMap(\.string)
            let adds = (own[path: "capabilities", "add"]?.array ?? []).compactMap(\.string)
            let profile = (own["seccompProfile"] ?? shared["seccompProfile"])?["type"]?.string
            let ports = container["ports"]?.array ?? []
            let rules: [(Bool, String)] = [
                ((own["runAsNonRoot"] ?? shared["runAsNonRoot"])?.bool == true, "runAsNonRoot is not true"),
                ((own["runAsUser"] ?? shared["runAsUser"])?.integer != 0, "runAsUser is 0"),
                (own["privileged"]?.bool != true, "privileged is true"),
                (own["allowPrivilegeEscalation"]?.bool == false, "allowPrivilegeEscalation is not false"),
                (drops.contains("ALL"), "not all capabilities are dropped"),
                (Set(adds).isSubset(of: ["NET_BIND_SERVICE"]), "capabilities are added"),
                (["RuntimeDefault", "Localhost"].contains(profile ?? ""), "seccompProfile is not RuntimeDefault"),
                (ports.allSatisfy { ($0["hostPort"]?.integer ?? 0) == 0 }, "a hostPort is used"),
            ]
            found += rules.filter { !$0.0 }.map { "container \(name): \($0.1)" }
        }
        return found
    }
}
