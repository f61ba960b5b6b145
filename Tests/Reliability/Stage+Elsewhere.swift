import ClusterTestSupport
import InterceptPlanning
import KubernetesClient
import KubernetesModel

extension Stage {
    /// The same on a leaf of its own, for the length of `body`, with bystanders all the while; the namespace goes with its end.
    ///
    /// - Returns: what `body` makes, and what became of the bystanders.
    func elsewhere<Value: Sendable>(
        _ namespace: String,
        replicas: Int = 1,
        rate: Int,
        pause: Duration,
        limit: Duration,
        _ body: @escaping @Sendable (Stage, OwnLeaf) async throws -> Value
    ) async throws -> (value: Value, bystanders: [JSONValue]) {
        let leaf = try await OwnLeaf(in: namespace, replicas: replicas)
        let result = await Result { () async throws -> (Value, [JSONValue]) in
            let names = InterceptNames(namespace: namespace, service: "leaf")
            let client = try KubernetesClient(try ClusterConnection.load())
            let stage = Stage(
                names: names,
                shop: ShopAddresses(frontend: leaf.url, leaf: leaf.url),
                ada: self.ada,
                bob: self.bob,
                watch: ServiceWatch(client: client, names: names),
                http: self.http,
                before: try await leaf.snapshot(),
                pause: pause
            )
            let result = await Result { () async throws -> (Value, [JSONValue]) in
                let bystanders = try await Bystanders.start(of: leaf, rate: rate, concurrency: 24, limit: limit)
                defer { bystanders.abandon() }
                let value = try await stage.watch.following { try await body(stage, leaf) }
                // Pods that were ending, and what only they own, have to be gone in the end too.
                try await Cluster.nothingIsLeft(of: "leaf", in: namespace, within: .seconds(150), every: .seconds(1))
                return (value, try await bystanders.finish())
            }
            try? await client.shutdown()
            return try result.get()
        }
        try? await leaf.remove()
        return try result.get()
    }
}
