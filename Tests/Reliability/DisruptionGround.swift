import APIFaults
import AsyncHTTPClient
import ClusterFaults
import ClusterTestSupport
import Foundation
import KubernetesModel

/// A leaf with two Pods, and what can be done to it and to its interceptor.
struct DisruptionGround: Sendable {
    let leaf: OwnLeaf
    let developer: Stage.Developer
    /// The way of the command to the API server, and so of its tunnels.
    let api: FaultyAPI
    /// The Service as it was before everything.
    let before: JSONValue
    /// Requests of bystanders a second.
    let rate: Int
    let http: HTTPClient

    /// How long a laptop may be gone, in seconds: for longer than an API server takes to come back.
    static let ttl = 20

    private var inNamespace: [String] { ["-n", self.leaf.namespace] }

    func bystanders() async throws -> Bystanders {
        try await Bystanders.start(of: self.leaf, rate: self.rate, concurrency: 24, limit: .seconds(600))
    }

    func prober() -> Prober {
        Prober(self.leaf.url, header: self.developer.header, client: self.http, pause: .milliseconds(25))
    }

    /// Starts the command; waits for nothing.
    func launch() throws -> RunningProcess {
        let header = "\(self.developer.header.name):\(self.developer.header.value)"
        let words = ["intercept", "leaf", "-p", "80:\(self.developer.port)", "-x", header, "--replicas", "2"]
        return try RunningProcess(
            [Cluster.detour] + words + ["--drain", "5s", "--ttl", "\(Self.ttl)s"] + self.inNamespace,
            environment: self.api.environment.merging(["USER": self.developer.name]) { $1 }
        )
    }

    /// Makes room after a round that left something.
    func clear() async throws {
        _ = try await Shell.run([Cluster.detour, "session", "close", "leaf", "--force"] + self.inNamespace)
        try await Cluster.nothingIsLeft(of: "leaf", in: self.leaf.namespace, butEnding: true)
        try await self.scale(.workload, to: 2)
    }

    private func deployment(_ target: Disruption.Target) -> String {
        target == .interceptor ? "interceptor-leaf" : "leaf"
    }

    /// The Pods that are there and not ending.
    func pods(_ target: Disruption.Target) async throws -> [String] {
        let label = target == .interceptor ? "app=interceptor" : "app=leaf"
        let path = "{range .items[*]}{.metadata.name}|{.metadata.deletionTimestamp}{\"\\n\"}{end}"
        return try await Cluster.kubectl(["get", "pods", "-l", label, "-o", "jsonpath=\(path)"] + self.inNamespace)
            .split(separator: "\n").filter { $0.hasSuffix("|") }.map { String($0.dropLast()) }
    }

    /// Waits until a Deployment has as many ready Pods as it is to have, all of them new.
    func rolledOut(_ target: Disruption.Target) async throws {
        let words = ["rollout", "status", "deployment/\(self.deployment(target))", "--timeout=90s"]
        try await Cluster.kubectl(words + self.inNamespace)
    }

    func restart(_ target: Disruption.Target) async throws {
        try await Cluster.kubectl(["rollout", "restart", "deployment/\(self.deployment(target))"] + self.inNamespace)
        try await self.rolledOut(target)
    }

    func scale(_ target: Disruption.Target, to replicas: Int) async throws {
        let words = ["scale", "deployment/\(self.deployment(target))", "--replicas=\(replicas)"]
        try await Cluster.kubectl(words + self.inNamespace)
        try await self.rolledOut(target)
        // Where fewer are wanted that is at once, and connections end afterwards.
        try await Task.sleep(for: .seconds(2))
    }

    /// Evicts one, as soon as its budget allows, and waits until there is another in its place.
    func evict(_ pod: String, _ target: Disruption.Target) async throws {
        try await Cluster.evict(pod, in: self.leaf.namespace)
        // The Deployment has to have noticed before it can be asked.
        try await Task.sleep(for: .seconds(1))
        try await self.rolledOut(target)
    }

    /// Cordons the node, evicts all as far as their budgets allow, and the rest once the node takes Pods again: there is no other.
    func drain() async throws {
        let path = "jsonpath={.items[0].spec.nodeName}"
        let node = try await Cluster.kubectl(["get", "pods", "-l", "app=leaf", "-o", path] + self.inNamespace)
        let pods =
            [(try await self.pods(.workload), Disruption.Target.workload)]
            + [(try await self.pods(.interceptor), Disruption.Target.interceptor)]
        try await Cluster.kubectl("cordon", node)
        // Soon, for everybody's Pods wait for this.
        let first = await Result {
            for pod in pods.compactMap(\.0.first) { try await Cluster.evict(pod, in: self.leaf.namespace) }
        }
        try await Cluster.kubectl("uncordon", node)
        try first.get()
        for (names, target) in pods where !names.isEmpty {
            try await self.rolledOut(target)
            for pod in names.dropFirst() { try await self.evict(pod, target) }
        }
    }

    /// Ends a server of the cluster, which comes back after a while, or the processes of one Pod as a lack of memory does.
    func kill(_ target: Disruption.Target) async throws {
        if [.apiServer, .etcd].contains(target) {
            try await Shell.must(Cluster.script, "kill", target.rawValue)
            let down = await Result { try await Task.sleep(for: .seconds(3)) }
            try await Shell.must(Cluster.script, "restart", target.rawValue)
            return try down.get()
        }
        guard let pod = try await self.pods(target).first else { throw Trouble("no Pod to kill") }
        let path = "jsonpath={.metadata.uid}"
        let uid = try await Cluster.kubectl(["get", "pod", pod, "-o", path] + self.inNamespace)
        let victims = PodProcesses.of(pod: uid)
        guard !victims.isEmpty else { throw Trouble("\(pod) has no process on this machine") }
        for victim in victims { Foundation.kill(victim, SIGKILL) }
        try await Cluster.eventually("\(pod) is started again", within: .seconds(30)) {
            let path = "jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}"
            return try await Cluster.kubectl(["get", "pod", pod, "-o", path] + self.inNamespace).hasSuffix("1 true")
        }
    }

    /// Resets the connection that one replica's tunnel is on; the command dials again.
    func cutTunnel() async throws {
        guard self.api.proxy.cut(where: { $0.resource == "pods/portforward" }) != nil else {
            throw Trouble("no tunnel to cut")
        }
    }
}
