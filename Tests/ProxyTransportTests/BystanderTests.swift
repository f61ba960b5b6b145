import NIOCore
import ProxyCore
import TestSupport
import Testing

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("Over real sockets, a connection nobody asked to detour", .timeLimit(.minutes(5)))
struct BystanderTests {
    @Test("passes requests and responses as they came, one connection for one")
    func passes() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            for index in 1...3 {
                try await client.write(get("/\(index)"))
                #expect(await origin.text(get("/\(index)")) == get("/\(index)"))
                origin.drop(get("/\(index)").utf8.count)
                try await origin.write(ok("\(index)"))
            }
            #expect(await client.text(ok("1") + ok("2") + ok("3")) == ok("1") + ok("2") + ok("3"))
            #expect(harness.listener.active == ActiveConnections(total: 1, busy: 0))
            try await client.finish()
            await origin.wait { $0.hasEnded }
            try await origin.finish()
            await client.wait { $0.isClosed }
            #expect(!client.seen.hasFailed)
        }
    }

    @Test("comes through every way of cutting it into pieces", arguments: 0..<8 as Range<UInt64>)
    func pieces(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let requests = [
            get("/1"), post("hello"),
            get(method: "PUT", fields: "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n", get("/4"),
        ]
        let answers = [
            ok("one"), ok(""), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ok("four"),
        ]
        var cut = (0..<800).map { _ in Int.random(in: 1...30, using: &random) }.makeIterator()
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            for piece in requests.joined().pieces(&cut) { try await client.write(piece) }
            for index in 0..<4 {
                let soFar = requests[...index].joined()
                #expect(await origin.text(soFar) == soFar, "seed \(seed)")
                for piece in answers[index].pieces(&cut) { try await origin.write(piece) }
                let answered = answers[...index].joined()
                #expect(await client.text(answered) == answered, "seed \(seed)")
            }
        }
    }

    @Test("keeps 4 MiB whole in both directions, with a slow reader at either end", arguments: [true, false])
    func bulk(isChunked: Bool) async throws {
        let size = 4 << 20
        let pattern = [UInt8](pattern: size)
        let framing = isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: \(size)\r\n"
        let body =
            isChunked ? Array("\(String(size, radix: 16))\r\n".utf8) + pattern + Array("\r\n0\r\n\r\n".utf8) : pattern
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await origin.pause()
            let request = Array(get(method: "POST", fields: framing).utf8) + body
            async let sent: Void = client.write(request)
            // Everything in between is full by now, or will be; nothing of it may be lost.
            try await origin.resume()
            await origin.wait { $0.bytes.count >= request.count }
            try await sent
            #expect(origin.seen.bytes == request)
            try await client.pause()
            let response = Array("HTTP/1.1 200 OK\r\n\(framing)\r\n".utf8) + body
            async let answered: Void = origin.write(response)
            try await client.resume()
            await client.wait { $0.bytes.count >= response.count }
            try await answered
            #expect(client.seen.bytes == response)
        }
    }

    @Test("gets its answer after ending its sending half, 1 MiB of it")
    func halfClose() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(fields: "Connection: close\r\n"))
            try await client.finish()
            await origin.wait { $0.hasEnded }
            let body = String(repeating: "x", count: 1 << 20)
            try await origin.write("HTTP/1.1 200 OK\r\n\r\n" + body)
            try await origin.close()
            await client.wait { $0.isClosed }
            #expect(client.seen.bytes.count == body.utf8.count + 19)
            #expect(!client.seen.hasFailed, "an end, not a reset")
        }
    }

    @Test("whose original ends first sees everything before the end, and may still send")
    func originalEnds() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await origin.write("220 ready\r\n")
            try await origin.finish()
            let seen = await client.wait { $0.hasEnded }
            #expect(seen.text == "220 ready\r\n")
            try await client.write("QUIT\r\n")
            #expect(await origin.text("QUIT\r\n") == "QUIT\r\n")
            try await client.finish()
            await origin.wait { $0.isClosed }
            #expect(!origin.seen.hasFailed)
        }
    }

    @Test("is reset when its original resets, and the other way round", arguments: [true, false], [true, false])
    func resets(byClient: Bool, isRaw: Bool) async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let text = isRaw ? "\u{16}\u{3}hello" : get()
            try await client.write(text)
            await origin.text(text)
            let (one, other) = byClient ? (client, origin) : (origin, client)
            try await one.reset()
            await other.wait { $0.isClosed }
            #expect(other.seen.hasFailed, "a reset, not an end")
            #expect(
                harness.metrics.prometheusText().contains(
                    #"detour_resets_total{port="80",side="\#(byClient ? "client" : "original")"} 1"#
                )
            )
        }
    }

    /// The kernel tells a reset that comes behind an end as one more end.
    @Test("is reset when its client ends, and resets while it still gets its answer")
    func resetAfterEnd() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get())
            try await client.finish()
            await origin.wait { $0.hasEnded }
            let part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"
            try await origin.write(part)
            #expect(await client.text(part) == part)
            try await client.reset()
            await origin.wait { $0.isClosed }
        }
    }

    @Test("is reset when its original cannot be reached")
    func unreachable() async throws {
        let other = try await Server()
        try await Harness.run(original: try other.refusingAddress) { harness in
            // The reset may come so soon that even the connecting fails.
            if let client = try? await harness.connect() {
                await client.wait { $0.isClosed }
                #expect(client.seen.hasFailed)
            }
            #expect(harness.metrics.prometheusText().contains(#"detour_original_connect_failures_total{port="80"} 1"#))
        }
        try await other.close()
    }

    @Test("whose server speaks first passes unread")
    func serverFirst() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await origin.write("220 mail\r\n")
            #expect(await client.text("220 mail\r\n") == "220 mail\r\n")
            try await client.write(get(user: "alice"))
            #expect(await origin.text(get(user: "alice")) == get(user: "alice"))
        }
    }

    @Test("with a head that never ends passes unread after the deadline")
    func slowHead() async throws {
        try await Harness.run(configure: { $0.headTimeout = .milliseconds(50) }) { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write("GET / HT")
            #expect(await origin.text("GET / HT") == "GET / HT")
        }
    }

    @Test("cannot put the deadline of its head off by sending a byte now and then")
    func drippedHead() async throws {
        try await Harness.run(configure: {
            $0.headTimeout = .milliseconds(400)
            $0.headLimit = 64 << 20
        }) { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write("GET / HTTP/1.1\r\nX: ")
            while origin.seen.bytes.isEmpty, !Task.isCancelled { try await client.write("a") }
            #expect(origin.seen.text.hasPrefix("GET / HTTP/1.1\r\nX: "))
            #expect(!Task.isCancelled)
        }
    }

    @Test("may switch protocols and speak freely")
    func webSocket() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let request = get("/ws", fields: "Upgrade: websocket\r\nConnection: upgrade\r\n")
            try await client.write(request)
            await origin.text(request)
            origin.drop(request.utf8.count)
            let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            try await origin.write(answer + "\u{1}")
            #expect(await client.text(answer + "\u{1}") == answer + "\u{1}")
            for index in 0..<20 {
                try await client.write("ping \(index)")
                #expect(await origin.text("ping \(index)") == "ping \(index)")
                origin.drop("ping \(index)".utf8.count)
            }
            #expect(harness.listener.active.busy == 1)
        }
    }

    @Test("is closed by a drain when it is idle; a busy one after its answer")
    func drains() async throws {
        try await Harness.run { harness in
            let idle = try await harness.connect()
            _ = try await harness.origin.accept()
            let busy = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await busy.write(get())
            await origin.text(get())
            await harness.listener.stopAccepting()
            harness.listener.closeIdle()
            await idle.wait { $0.hasEnded }
            try await origin.write(ok("last"))
            let seen = await busy.wait { $0.hasEnded }
            #expect(seen.text == ok("last"))
            try await idle.close()
            try await busy.close()
            while harness.listener.active.total > 0, !Task.isCancelled { await Task.yield() }
        }
    }
}

extension String {
    /// The text's bytes in pieces of the given sizes.
    fileprivate func pieces(_ sizes: inout some IteratorProtocol<Int>) -> [[UInt8]] {
        var rest = Array(self.utf8)
        var pieces: [[UInt8]] = []
        while !rest.isEmpty {
            let count = min(rest.count, sizes.next() ?? 30)
            pieces.append(Array(rest.prefix(count)))
            rest.removeFirst(count)
        }
        return pieces
    }
}
