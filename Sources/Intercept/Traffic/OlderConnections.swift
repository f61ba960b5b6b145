import InterceptPlanning
import KubernetesClient
import KubernetesModel
import NIOCore

/// Counts connections that reach the original's Pods around the interceptor: those that were there before the swap.
struct OlderConnections: Sendable {
    private static let files = ["/proc/net/tcp", "/proc/net/tcp6", "/proc/net/route"]
    /// The most Pods that are looked into.
    private static let mostPods = 20

    let client: KubernetesClient
    let session: Session
    /// The Service's ports that are intercepted, by number.
    let ports: Set<Int>
    /// Runs a command in a container.
    let output:
        @Sendable (_ command: [String], _ pod: String, _ container: String) async throws ->
            KubernetesClient.CommandOutput

    /// How many there are; nil when that cannot be found out: without the permission `pods/exec`, in a container without
    /// `cat`, with too many Pods. Callers that dial a Pod by its own address count too.
    func count() async -> Int? {
        try? await self.counted()
    }

    private func counted() async throws -> Int? {
        let namespace = self.session.namespace
        let decoy = InterceptNames(namespace: namespace, service: self.session.service).decoy
        guard let object = try await self.client.resources(.endpoints, in: namespace).find(decoy) else { return nil }
        let ports = InterceptedPort.all(in: self.session.original.ports).filter { self.ports.contains($0.port) }
        let endpoints = OriginalEndpoints(object, ports: ports)
        let query = self.session.original.selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let resources = self.client.resources(.pods, in: namespace)
        let pods = try await resources.list(labels: query.joined(separator: ",")).items
        let ours = try await resources.list(labels: Marks.podQuery(incarnation: self.session.incarnation)).items
        let interceptors = Set(ours.flatMap(Self.addresses))
        let targets = endpoints.addresses.values.joined().compactMap { address -> (pod: DynamicObject, port: Int)? in
            let host = Self.canonical(address.host)
            guard let pod = pods.first(where: { Self.addresses($0).contains(host) }) else { return nil }
            return (pod, address.port)
        }
        guard !targets.isEmpty, targets.count <= Self.mostPods else { return nil }
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for target in targets {
                group.addTask { try await self.count(in: target.pod, port: target.port, besides: interceptors) }
            }
            return try await group.reduce(0, +)
        }
    }

    private func count(in pod: DynamicObject, port: Int, besides interceptors: Set<String>) async throws -> Int {
        // All containers of a Pod see the same sockets.
        let container = pod[path: "spec", "containers"]?[0]?["name"]?.string ?? ""
        let output = try await self.output(["cat"] + Self.files, pod.name, container)
        // Where IPv6 is off, one of the files is missing, and the others are there all the same.
        guard let table = SocketTable(parsing: String(decoding: output.bytes, as: UTF8.self)) else {
            throw KubernetesError(.unsupported, output.failure ?? "no table of sockets")
        }
        let node = pod[path: "status", "hostIP"]?.string.map { Set([Self.canonical($0)]) } ?? []
        let own = Self.addresses(pod).union(["127.0.0.1", "::1"])
        return table.count(port: port, exceptFrom: interceptors.union(node).union(own).union(table.gateways))
    }

    private static func addresses(_ pod: DynamicObject) -> Set<String> {
        let all = (pod[path: "status", "podIPs"]?.array ?? []).compactMap { $0["ip"]?.string }
        return Set((all + [pod[path: "status", "podIP"]?.string].compactMap(\.self)).map(Self.canonical))
    }

    private static func canonical(_ address: String) -> String {
        (try? SocketAddress(ipAddress: address, port: 0))?.ipAddress ?? address
    }
}

extension OlderConnections {
    /// Looks into the Pods by the client's own means.
    ///
    /// - Parameter ports: the Service's ports that are intercepted, by number.
    init(client: KubernetesClient, session: Session, ports: Set<Int>) {
        self.init(client: client, session: session, ports: ports) { command, pod, container in
            try await client.output(of: command, pod: pod, container: container, in: session.namespace)
        }
    }
}
