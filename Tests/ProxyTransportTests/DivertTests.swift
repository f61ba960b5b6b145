import NIOCore
import ProxyCore
import Testing
import Tunnel

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("Over real sockets, a diverted request", .timeLimit(.minutes(5)))
struct DivertTests {
    @Test("goes into the tunnel after the acknowledgement, behind a header that names its connection")
    func passes() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get("/1", user: "alice") + get("/2"))
            let (stream, header) = try await harness.acceptStream(acknowledge: false)
            #expect(header.route == "alice")
            #expect(header.servicePort == 80)
            #expect(header.source?.port == (try client.channel.localAddress?.port).map { UInt16($0) })
            #expect(stream.seen.bytes.isEmpty, "nothing of the request goes before the acknowledgement")
            try await stream.write([0x06])
            #expect(await stream.text(get("/1", user: "alice")) == get("/1", user: "alice"))
            #expect(origin.seen.bytes.isEmpty, "the next request waits for its turn")
            try await stream.write(ok("local"))
            #expect(await origin.text(get("/2")) == get("/2"))
            try await origin.write(ok("orig"))
            #expect(await client.text(ok("local") + ok("orig")) == ok("local") + ok("orig"))
            #expect(
                harness.routes.counts() == [RouteCounts(port: 80, route: "alice", seen: 2, matched: 1, diverted: 1)]
            )
        }
    }

    @Test("alternates with others on one connection, always on one stream")
    func alternates() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            var stream: TestSocket?
            for index in 0..<20 {
                let isDiverted = index % 2 == 0
                let request = isDiverted ? post("body \(index)", user: "alice") : post("body \(index)")
                try await client.write(request)
                if isDiverted, stream == nil { stream = try await harness.acceptStream().0 }
                let server = isDiverted ? try #require(stream) : origin
                #expect(await server.text(request) == request)
                server.drop(request.utf8.count)
                try await server.write(ok("answer \(index)"))
                #expect(await client.text(ok("answer \(index)")) == ok("answer \(index)"))
                client.drop(ok("answer \(index)").utf8.count)
            }
        }
    }

    @Test("keeps 4 MiB whole in both directions")
    func bulk() async throws {
        let size = 4 << 20
        let pattern = [UInt8](pattern: size)
        try await Harness.run { harness in
            let client = try await harness.connect()
            let request =
                Array(get(user: "alice", method: "POST", fields: "Content-Length: \(size)\r\n").utf8) + pattern
            async let sent: Void = client.write(request)
            let (stream, _) = try await harness.acceptStream()
            await stream.wait { $0.bytes.count >= request.count }
            try await sent
            #expect(stream.seen.bytes == request)
            let response = Array("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n".utf8) + pattern
            try await stream.write(response)
            await client.wait { $0.bytes.count >= response.count }
            #expect(client.seen.bytes == response)
        }
    }

    @Test("is answered by the original with the reason when its route is down, at once after the change")
    func routeDown() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            harness.routes.setUp(false, route: "alice")
            try await client.write(post("x", user: "alice"))
            #expect(await origin.text(post("x", user: "alice")) == post("x", user: "alice"))
            try await origin.write(ok("orig"))
            let explained = ok("orig").explained("route-down")
            #expect(await client.text(explained) == explained)
            harness.routes.setUp(true, route: "alice")
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            #expect(await stream.text(get(user: "alice")) == get(user: "alice"))
        }
    }

    @Test("falls back to a new connection when the original has ended the idle one meanwhile")
    func idleOriginal() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await origin.close()
            try await stream.close()
            let again = try await harness.origin.accept()
            #expect(await again.text(get(user: "alice")) == get(user: "alice"))
            try await again.write(ok("orig"))
            let explained = ok("orig").explained("tunnel-reset")
            #expect(await client.text(explained) == explained)
        }
    }

    @Test(
        "does not notice that the original ends the connection it never asked on, and the next one for it gets another"
    )
    func untouchedOriginal() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await stream.write(ok("1"))
            await client.text(ok("1"))
            try await origin.close()
            try await client.write(get(user: "alice"))
            await stream.text(get(user: "alice") + get(user: "alice"))
            try await stream.write(ok("2"))
            await client.text(ok("1") + ok("2"))
            try await client.write(get())
            let again = try await harness.origin.accept()
            #expect(await again.text(get()) == get())
            try await again.write(ok("3"))
            #expect(await client.text(ok("1") + ok("2") + ok("3")) == ok("1") + ok("2") + ok("3"))
        }
    }

    @Test("ends its client's connection when the original, asked before, was reset meanwhile")
    func originalResetMeanwhile() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get())
            await origin.text(get())
            try await origin.write(ok("1"))
            await client.text(ok("1"))
            client.drop(ok("1").utf8.count)
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await origin.reset()
            let seen = #"detour_resets_total{port="80",side="original"} 1"#
            while !harness.metrics.prometheusText().contains(seen) { await Task.yield() }
            try await stream.write(ok("laptop"))
            #expect(await client.text(ok("laptop")) == ok("laptop"))
            await client.wait { $0.hasEnded }
        }
    }

    @Test("is told at once that nobody answers when the original has gone for good")
    func nobodyThere() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await harness.origin.close()
            try await origin.reset()
            // Asked on a connection whose end has not been noticed, the original would have ended the client's.
            let seen = #"detour_resets_total{port="80",side="original"} 1"#
            while !harness.metrics.prometheusText().contains(seen) { await Task.yield() }
            try await stream.close()
            #expect(await client.text { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 502"))
        }
    }

    /// What a tunnel does instead of acknowledging.
    enum Refusal: String, CaseIterable {
        case noSocket, ends, wrongByte, silent
    }

    @Test(
        "is answered by the original with the reason when the tunnel does not acknowledge",
        arguments: Refusal.allCases
    )
    func refused(how: Refusal) async throws {
        try await Harness.run(configure: { if how == .silent { $0.acknowledgementTimeout = .milliseconds(50) } }) {
            harness in
            if how == .noSocket { try await harness.tunnel.close() }
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(post("x", user: "alice"))
            if how != .noSocket {
                let (stream, _) = try await harness.acceptStream(acknowledge: false)
                switch how {
                case .ends: try await stream.close()
                case .wrongByte: try await stream.write([0x15])
                default: break
                }
            }
            await origin.text(post("x", user: "alice"))
            try await origin.write(ok("orig"))
            let explained = ok("orig").explained(how == .silent ? "ack-timeout" : "local-refused")
            #expect(await client.text(explained) == explained)
            if how == .noSocket || how == .silent { return }
            try await client.write(get(user: "alice"))
            let (again, _) = try await harness.acceptStream()
            #expect(await again.text(get(user: "alice")) == get(user: "alice"))
        }
    }

    @Test("gets 503 instead when the route wants that, and the connection goes on")
    func unavailable() async throws {
        try await Harness.run(isUp: false, onUnreachable: .unavailable) { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice") + get("/next"))
            let text = await client.text { $0.contains("tunnel is down\n") }
            #expect(text.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(text.contains("x-detour-reason: route-down\r\n"))
            #expect(await origin.text(get("/next")) == get("/next"))
        }
    }

    @Test("whose tunnel dies is asked of the original only when nothing speaks against it", arguments: [true, false])
    func dies(isReplayable: Bool) async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let request = isReplayable ? get(user: "alice") : post("x", user: "alice")
            try await client.write(request)
            let (stream, _) = try await harness.acceptStream()
            await stream.text(request)
            try await stream.close()
            if isReplayable {
                #expect(await origin.text(request) == request)
                try await origin.write(ok("orig"))
                let explained = ok("orig").explained("tunnel-reset")
                #expect(await client.text(explained) == explained)
            } else {
                let text = await client.text { $0.contains("second time\n") }
                #expect(text.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
                try await client.write(get("/next"))
                #expect(await origin.text(get("/next")) == get("/next"), "and the request was not sent to the original")
            }
        }
    }

    @Test("whose answer is cut short is reset")
    func truncated() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await stream.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            try await stream.close()
            await client.wait { $0.isClosed }
            #expect(client.seen.hasFailed, "a reset, not an end")
        }
    }

    @Test("whose answer ends its connection reaches the client whole, 1 MiB of it")
    func closes() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            let body = String(repeating: "y", count: 1 << 20)
            try await stream.write("HTTP/1.0 200 OK\r\n\r\n" + body)
            try await stream.close()
            let seen = await client.wait { $0.hasEnded }
            #expect(seen.bytes.count == body.utf8.count + 19)
            try await client.close()
            await origin.wait { $0.hasEnded }
            #expect(!client.seen.hasFailed)
        }
    }

    @Test("may switch protocols; the original is let go, the laptop's end and the client's are mirrored")
    func webSocket() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let request = get(user: "alice", fields: "Upgrade: websocket\r\nConnection: upgrade\r\n")
            try await client.write(request)
            let (stream, _) = try await harness.acceptStream()
            await stream.text(request)
            stream.drop(request.utf8.count)
            let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
            try await stream.write(answer)
            #expect(await client.text(answer) == answer)
            await origin.wait { $0.hasEnded }
            try await client.write("frames")
            #expect(await stream.text("frames") == "frames")
            try await client.finish()
            await stream.wait { $0.hasEnded }
            try await stream.write("bye")
            try await stream.finish()
            await client.wait { $0.isClosed }
            #expect(client.seen.text == answer + "bye")
        }
    }

    @Test("whose client goes away takes its stream with it")
    func clientGone() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            await stream.text(get(user: "alice"))
            try await client.reset()
            await stream.wait { $0.hasEnded || $0.isClosed }
        }
    }
}

extension String {
    /// A response as it looks after the two explaining lines were put in.
    fileprivate func explained(_ reason: String) -> String {
        let lines = "\r\nx-detour-served-by: original\r\nx-detour-reason: \(reason)\r\n\r\n"
        guard let end = self.firstRange(of: "\r\n\r\n") else { return self }
        return self.replacingCharacters(in: end, with: lines)
    }

    private func firstRange(of text: String) -> Range<String.Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].utf8.starts(with: text.utf8),
                let end = self.utf8.index(start, offsetBy: text.utf8.count, limitedBy: self.endIndex)
            {
                return start..<end
            }
            start = self.utf8.index(after: start)
        }
        return nil
    }

    private func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
