#if os(Linux)
    import Foundation
    import GatewayCore
    import Glibc
    @testable import PeerTestSupport
    import ProxyEngine
    import SocketLoop
    import Synchronization
    import TestSupport
    import Testing

    @Suite("Bytes that pass a gateway unread, over real sockets", .timeLimit(.minutes(5)))
    struct UnreadTests {
        @Test("whoever speaks first is heard, and each connection has one of its own to the next server")
        func both() async throws {
            try await Stage.unread(servers: 2) { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                try await server.write("220 welcome\r\n")
                #expect(await client.text("220 welcome\r\n") == "220 welcome\r\n")
                try await client.write("EHLO x\r\n")
                #expect(await server.text("EHLO x\r\n") == "EHLO x\r\n")
                let other = try await stage.client()
                try await other.write([0, 1, 0xff])
                let next = try await stage.servers[1].accept()
                #expect(await next.wait { $0.bytes.count == 3 }.bytes == [0, 1, 0xff])
                try await client.close()
                try await other.close()
                await server.over()
                try await server.close()
                try await next.close()
                await stage.isEmpty()
                #expect(stage.counted.unread.total == 2)
                #expect(stage.counted.bytesIn.total == 11 && stage.counted.bytesOut.total == 13)
            }
        }

        @Test("a client's end is passed on behind its last byte, and a long answer still comes, end included")
        func clientEnds() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                try await client.write("question")
                try await client.finish()
                let server = try await stage.servers[0].accept()
                #expect(await server.over().text == "question")
                let answer = [UInt8](repeating: 7, count: 16 << 20)
                try await server.write(answer)
                try await server.close()
                let seen = await client.over()
                let isWhole = seen.bytes == answer && !seen.hasFailed
                #expect(isWhole, "\(seen.bytes.count) bytes, errno \(seen.failure ?? 0)")
                await stage.isEmpty()
            }
        }

        @Test("a server's end is passed on behind its last byte, and a long upload still goes")
        func serverEnds() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                try await server.write("bye")
                try await server.finish()
                #expect(await client.over().text == "bye")
                let upload = [UInt8](repeating: 8, count: 16 << 20)
                try await client.write(upload)
                try await client.close()
                let seen = await server.over()
                let isWhole = seen.bytes == upload && !seen.hasFailed
                #expect(isWhole, "\(seen.bytes.count) bytes, errno \(seen.failure ?? 0)")
                await stage.isEmpty()
            }
        }

        @Test(
            "a reset of either side is a reset for the other, idle or behind bytes",
            arguments: [true, false],
            [0, 5]
        )
        func reset(ofClient: Bool, count: Int) async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                try await client.write("x")
                await server.text("x")
                let (one, other) = ofClient ? (client, server) : (server, client)
                try await one.reset(after: [UInt8](repeating: 9, count: count))
                let seen = await other.over()
                #expect(seen.failure == ECONNRESET)
                await stage.isEmpty()
            }
        }

        @Test("a reset of either side is a reset for the other, which takes nothing", arguments: [true, false])
        func resetInBulk(ofClient: Bool) async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                let (one, other) = ofClient ? (client, server) : (server, client)
                try await other.pause()
                let sent = Mutex(0)
                let sending = Task {
                    while true {
                        try await one.write([UInt8](repeating: 7, count: 1 << 20))
                        sent.withLock { $0 += 1 }
                    }
                }
                // Until the pipe holds what the other end does not take.
                while sent.withLock({ $0 }) < 4 { await Task.yield() }
                try await one.reset()
                await stage.isEmpty()
                #expect(await other.over().failure == ECONNRESET)
                _ = await sending.result
            }
        }

        @Test("64 MiB in both directions at once, to readers that stop and go, arrive to the byte")
        func bulk() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client(window: 64 << 10)
                let server = try await stage.servers[0].accept()
                async let up = Self.exchange(client, sends: 0, expects: 1)
                async let down = Self.exchange(server, sends: 1, expects: 0)
                #expect(try await up)
                #expect(try await down)
                try await client.close()
                try await server.close()
                await stage.isEmpty()
                #expect(stage.counted.bytesIn.total == 64 << 20 && stage.counted.bytesOut.total == 64 << 20)
            }
        }

        /// Sends 64 MiB and an end, and stops reading after each MiB; whether 64 MiB of the other's came, and an end.
        private static func exchange(_ socket: TestSocket, sends: Int, expects: Int) async throws -> Bool {
            async let sending: Void = {
                for piece in 0..<64 { try await socket.write(Self.piece(piece << 1 | sends)) }
                try await socket.finish()
            }()
            var isRight = true
            for piece in 0..<64 {
                await socket.wait { $0.bytes.count >= 1 << 20 || $0.isClosed }
                try? await socket.pause()
                isRight = isRight && Data(socket.seen.bytes.prefix(1 << 20)) == Data(Self.piece(piece << 1 | expects))
                guard isRight else { break }
                socket.drop(1 << 20)
                // It is closed already when both directions have ended.
                try? await socket.resume()
            }
            let seen = await socket.over()
            try await sending
            return isRight && seen.bytes.isEmpty && !seen.hasFailed
        }

        /// A MiB that no other number has.
        private static func piece(_ number: Int) -> [UInt8] {
            Array(Self.noise[number * 61..<number * 61 + 1 << 20])
        }

        private static let noise: [UInt8] = {
            var numbers = SplitMix64(seed: 1)
            return (0..<1 << 20 + 1 << 14).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
        }()

        @Test(
            "who does not read holds the sender up, and gets every byte and the end once it does",
            arguments: [true, false]
        )
        func backpressure(ofServer: Bool) async throws {
            try await Stage.unread { stage in
                let client = try await stage.client(window: 16 << 10)
                let server = try await stage.servers[0].accept()
                let (from, to) = ofServer ? (client, server) : (server, client)
                try await to.pause()
                let size = 64 << 20
                let piece = [UInt8](repeating: 7, count: 1 << 20)
                let sent = Mutex(0)
                async let sending: Void = {
                    for _ in 0..<64 {
                        try await from.write(piece)
                        sent.withLock { $0 += 1 }
                    }
                    try await from.finish()
                }()
                // What the kernel keeps on the way is a few MiB; until nothing moves any more.
                var before = -1
                while before != sent.withLock({ $0 }) {
                    before = sent.withLock { $0 }
                    try await Task.sleep(for: .milliseconds(300))
                }
                #expect(before < 40)
                try await to.resume()
                try await sending
                let seen = await to.over()
                let isWhole = seen.bytes == [UInt8](repeating: 7, count: size) && !seen.hasFailed
                #expect(isWhole, "\(seen.bytes.count) bytes, errno \(seen.failure ?? 0)")
            }
        }

        @Test("small messages behind bulk, in the same connection, arrive at once")
        func smallAfterBulk() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                try await server.write([UInt8](repeating: 7, count: 8 << 20))
                await client.wait { $0.bytes.count == 8 << 20 }
                client.drop(8 << 20)
                for number in 0..<20 {
                    try await server.write("\(number)\n")
                    #expect(await client.text { $0.hasSuffix("\n") } == "\(number)\n")
                    client.drop("\(number)\n".utf8.count)
                }
            }
        }
    }
#endif
