#if os(Linux)
    import GatewayCore
    import Glibc
    @testable import PeerTestSupport
    import NIOCore
    @testable import ProxyEngine
    import Testing

    @Suite("Trouble of connections that pass a gateway unread", .timeLimit(.minutes(5)))
    struct UnreadTroubleTests {
        @Test("a server that cannot be connected to is passed over, and the client notices nothing")
        func firstMissing() async throws {
            try await Stage.unread(isFirstMissing: true) { stage in
                let client = try await stage.client()
                try await client.write("hello")
                let server = try await stage.servers[0].accept()
                #expect(await server.text("hello") == "hello")
                #expect(stage.counted.upstreamFailures.total == 1 && stage.counted.upstreamConnections.total == 1)
                try await client.close()
                try await server.close()
                await stage.isEmpty()
                #expect(stage.counted.retries.total == 1 && stage.counted.unreachable.total == 0)
            }
        }

        @Test("no server: the client is reset, and that is counted")
        func unreachable() async throws {
            try await Stage.unread(areReachable: false) { stage in
                // The reset may come before the client knows that it is connected.
                do {
                    let client = try await stage.client()
                    #expect(await client.over().failure == ECONNRESET)
                } catch let error as IOError {
                    #expect(error.errnoCode == ECONNRESET)
                }
                await stage.isEmpty()
                #expect(stage.counted.unreachable.total == 1 && stage.counted.unread.total == 1)
                #expect(stage.counted.upstreamFailures.total == 3)
            }
        }

        @Test("what stands still for too long is reset on both sides; what moves is not")
        func idle() async throws {
            try await Stage.unread(idle: .milliseconds(1_500)) { stage in
                // A machine so busy that the test itself stands still for that long gets another try.
                while true {
                    let client = try await stage.client()
                    let server = try await stage.servers[0].accept()
                    let begun = ContinuousClock.now
                    var (last, longest, count) = (begun, Duration.zero, 0)
                    while ContinuousClock.now < begun + .seconds(3), !server.seen.isClosed, !client.seen.isClosed {
                        count += 1
                        try? await client.write("x")
                        await server.wait { [count] in $0.bytes.count == count || $0.isClosed }
                        longest = max(longest, .now - last)
                        last = .now
                    }
                    let hasEnded = client.seen.isClosed || server.seen.isClosed
                    longest = max(longest, .now - last)
                    let clientSeen = await client.over()
                    let serverSeen = await server.over()
                    if hasEnded, longest > .seconds(1) { continue }
                    #expect(!hasEnded)
                    #expect(clientSeen.failure == ECONNRESET)
                    #expect(serverSeen.failure == ECONNRESET)
                    break
                }
                await stage.isEmpty()
            }
        }

        @Test("draining: connections go on until the deadline, and are reset then")
        func drain() async throws {
            try await Stage.unread { stage in
                let stays = try await stage.client()
                let server = try await stage.servers[0].accept()
                let goes = try await stage.client()
                let other = try await stage.servers[0].accept()
                async let drained: Void = stage.engine.drain(within: .seconds(600))
                while !stage.engine.ports.isEmpty { await Task.yield() }
                try await goes.write("still")
                #expect(await other.text("still") == "still")
                try await goes.close()
                #expect(await other.over().hasEnded)
                try await other.close()
                try await server.write("here")
                #expect(await stays.text("here") == "here")
                // The deadline.
                await stage.engine.drain(within: .zero)
                await drained
                #expect(await stays.over().failure == ECONNRESET)
                #expect(await server.over().failure == ECONNRESET)
                #expect(await stage.engine.connections() == 0)
            }
        }

        @Test("a drain ends with the last connection")
        func drainEnds() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                async let drained: Void = stage.engine.drain(within: .seconds(600))
                try await client.close()
                await server.over()
                try await server.close()
                await drained
                #expect(await stage.engine.connections() == 0)
            }
        }

        @Test("the same trouble is told at once, and then once a second with how often it was")
        func complaints() {
            var complaints = Complaints()
            let now = NIODeadline.now()
            let first = complaints.add(at: now)
            #expect(first == 1)
            #expect(complaints.add(at: now + .milliseconds(1)) == nil)
            #expect(complaints.add(at: now + .milliseconds(999)) == nil)
            #expect(complaints.add(at: now + .seconds(1)) == 3)
            #expect(complaints.add(at: now + .milliseconds(1_500)) == nil)
        }
    }
#endif
