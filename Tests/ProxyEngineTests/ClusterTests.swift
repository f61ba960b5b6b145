#if os(Linux)
    import GatewayCore
    @testable import PeerTestSupport
    import ProxyEngine
    import Testing

    private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    private let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"

    /// All servers in one cluster, whose settings a test changes.
    private func together(
        _ change: @escaping (inout GatewaySettings.Cluster) -> Void = { _ in }
    ) -> (inout GatewaySettings) -> Void {
        { settings in
            settings.clusters[0].endpoints = settings.clusters.flatMap(\.endpoints)
            change(&settings.clusters[0])
        }
    }

    @Suite("Clusters of several servers, over real sockets", .timeLimit(.minutes(5)))
    struct ClusterTests {
        @Test("a server that is busy is passed over, and its connection used again")
        func retry() async throws {
            try await Stage.with(servers: 2, change: together { $0.retry.statuses = [503] }) { stage in
                let client = try await stage.client()
                try await client.write(get)
                let first = try await stage.servers[0].accept()
                await first.text(get)
                try await first.write(busy)
                let second = try await stage.servers[1].accept()
                #expect(await second.text(get) == get)
                try await second.write(ok)
                #expect(await client.text(ok) == ok)
                try await client.write(get)
                #expect(await first.text(get + get) == get + get)
                try await first.write(ok)
                #expect(await client.text(ok + ok) == ok + ok)
            }
        }

        @Test("a server that cannot be reached is left out after some tries")
        func ejection() async throws {
            let change = together {
                $0.endpoints[0].host = "127.0.0.2"
                $0.ejection.after = 3
                $0.ejection.pause = .seconds(3_600)
                $0.bounds.idleConnections = 0
            }
            try await Stage.with(servers: 2, change: change) { stage in
                let client = try await stage.client()
                for count in 1...20 {
                    try await client.write(get)
                    let server = try await stage.servers[1].accept()
                    await server.text(get)
                    try await server.write(ok)
                    await client.text(String(repeating: ok, count: count))
                }
                #expect(stage.engine.counters.reduce(0) { $0 + $1.retries.total } == 3)
            }
        }

        @Test("statuses that are failures leave a server out, and where all are out all are used")
        func statuses() async throws {
            let change = together {
                $0.ejection.after = 2
                $0.ejection.pause = .seconds(3_600)
                $0.ejection.statuses = [503]
            }
            try await Stage.with(servers: 2, change: change) { stage in
                let client = try await stage.client()
                var sockets: [TestSocket] = []
                var expected = ""
                for turn in 0..<4 {
                    try await client.write(get)
                    if sockets.count <= turn % 2 { sockets.append(try await stage.servers[turn % 2].accept()) }
                    let asked = String(repeating: get, count: turn / 2 + 1)
                    #expect(await sockets[turn % 2].text(asked) == asked)
                    // The first always fails; the second only the first time.
                    let answer = turn == 3 ? ok : busy
                    try await sockets[turn % 2].write(answer)
                    expected += answer
                    await client.text(expected)
                }
                for turn in 3..<5 {
                    try await client.write(get)
                    let asked = String(repeating: get, count: turn)
                    #expect(await sockets[1].text(asked) == asked)
                    try await sockets[1].write(busy)
                    expected += busy
                    await client.text(expected)
                }
                // Both are out now, and asked all the same.
                try await client.write(get)
                let asked = String(repeating: get, count: 3)
                #expect(await sockets[0].text(asked) == asked)
            }
        }

        @Test("the server with fewer requests under way gets the next one")
        func leastRequest() async throws {
            try await Stage.with(servers: 2, change: together { $0.balance = .leastRequest }) { stage in
                let slow = try await stage.client()
                try await slow.write(get)
                let busyServer = try await stage.servers[0].accept()
                await busyServer.text(get)
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[1].accept()
                for count in 1...5 {
                    await server.text(String(repeating: get, count: count))
                    try await server.write(ok)
                    await client.text(String(repeating: ok, count: count))
                    if count < 5 { try await client.write(get) }
                }
                #expect(busyServer.seen.text == get)
                try await busyServer.write(ok)
                #expect(await slow.text(ok) == ok)
            }
        }

        @Test("a cluster has no more requests under way than it may; a client that leaves makes room")
        func limit() async throws {
            try await Stage.with(change: together { $0.bounds.requests = 1 }) { stage in
                let first = try await stage.client()
                try await first.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                let second = try await stage.client()
                try await second.write(get)
                let refusal = await second.text { $0.contains("cluster-full\n") }
                #expect(refusal.hasPrefix("HTTP/1.1 503 "))
                try await server.write(ok)
                await first.text(ok)
                try await second.write(get)
                #expect(await server.text(get + get) == get + get)
                try await second.reset()
                await server.wait { $0.hasEnded || $0.isClosed }
                try await first.write(get)
                let other = try await stage.servers[0].accept()
                await other.text(get)
                try await other.write(ok)
                #expect(await first.text(ok + ok) == ok + ok)
            }
        }
    }
#endif
