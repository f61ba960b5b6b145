import CertificateTestSupport
import Glibc
import NIOCore
import NIOSSL
import ProxyCore
import Testing
import Tunnel

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("On a port that speaks TLS", .timeLimit(.minutes(5)))
struct TLSTests {
    @Test(
        "requests are routed one by one; what no route takes passes as it came, to the name that the client asked for",
        arguments: TestAuthority.KeyKind.allCases,
        [nil, TLSVersion.tlsv12]
    )
    func routes(kind: TestAuthority.KeyKind, latest: TLSVersion?) async throws {
        let stage = try TLSStage(kind: kind)
        try await stage.run(try stage.serverContext()) { harness, server in
            let client = try await harness.connect(try stage.client(latest: latest))
            try await client.write(get("/a", fields: "x-odd:  \t as it came \r\n"))
            let origin = try await server.accept()
            let sent = get("/a", fields: "x-odd:  \t as it came \r\n")
            #expect(await origin.text(sent) == sent)
            #expect(stage.names == ["leaf.shop"])
            try await origin.write(ok("one"))
            #expect(await client.text(ok("one")) == ok("one"))

            try await client.write(get("/b", user: "alice"))
            let (stream, header) = try await harness.acceptStream()
            #expect(header.applicationProtocol == "http/1.1")
            #expect(await stream.text(get("/b", user: "alice")) == get("/b", user: "alice"), "without TLS")
            try await stream.write(ok("two"))
            #expect(await client.text(ok("one") + ok("two")) == ok("one") + ok("two"))
            #expect(origin.seen.text == sent)
            try await origin.finish()
            try await client.close()
            let lines = try await harness.logLines(2)
            #expect(lines.count { $0.contains("\"served_by\":\"laptop\"") } == 1)
        }
    }

    @Test(
        "both ends get the protocol that the original chooses of those the client offers",
        arguments: [
            (["h2", "http/1.1"], ["h2", "http/1.1"], "h2"), (["h2", "http/1.1"], ["http/1.1"], "http/1.1"),
            (["http/1.1"], ["h2", "http/1.1"], "http/1.1"), (["h2"], [], nil), ([], ["h2"], nil),
            (["odd"], ["odd", "h2"], "odd"),
        ] as [([String], [String], String?)]
    )
    func applicationProtocol(client offered: [String], original known: [String], chosen: String?) async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext(applicationProtocols: known)) { harness, server in
            let client = try await harness.connect(try stage.client(applicationProtocols: offered))
            let origin = try await server.accept()
            await client.wait { $0.isSecured || $0.isClosed }
            await origin.wait { $0.isSecured || $0.isClosed }
            #expect(client.seen.isSecured && origin.seen.isSecured)
            #expect(client.seen.applicationProtocol == chosen)
            #expect(origin.seen.applicationProtocol == chosen)
        }
    }

    @Test(
        "a certificate that the Secret's authority signed for the name proves the original, another than the Secret's too"
    )
    func signed() async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext(try stage.authority.identity("leaf.shop"))) { harness, server in
            let client = try await harness.connect(try stage.client())
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream()
            #expect(await stream.text(get(user: "alice")) == get(user: "alice"))
            _ = try await server.accept()
        }
    }

    /// What is wrong with an original.
    enum Fault: CaseIterable, Sendable {
        case stranger, expired, otherName, noAuthority, wantsCertificate, unnamed
    }

    @Test(
        "an original that is not proved to be it is not spoken for: the client speaks to it itself",
        arguments: Fault.allCases
    )
    func unverified(fault: Fault) async throws {
        let stage = try TLSStage(hasAuthority: fault != .noAuthority)
        let other = try TestAuthority()
        let identity: TestAuthority.Identity? =
            switch fault {
            case .stranger: try other.identity("leaf.shop")
            case .expired: try stage.authority.identity("leaf.shop", expires: -60)
            case .otherName: try stage.authority.identity("other.shop")
            case .noAuthority, .unnamed: try stage.authority.identity("leaf.shop")
            case .wantsCertificate: nil
            }
        let context = try stage.serverContext(identity, wantsCertificate: fault == .wantsCertificate)
        try await stage.run(context) { harness, server in
            let name = fault == .unnamed ? nil : fault == .otherName ? "other.shop" : "leaf.shop"
            let trusted = fault == .stranger ? other : stage.authority
            let client = try await harness.connect(try stage.client(name, trusting: trusted))
            // Ours, whose handshake comes to nothing, and the client's own.
            _ = try await server.accept()
            let origin = try await server.accept()
            await client.wait { $0.isSecured || $0.isClosed }
            #expect(client.seen.isSecured == (fault != .expired), "as without us")
            guard fault != .expired else { return }
            try await client.write(get(user: "alice"))
            #expect(await origin.text(get(user: "alice")) == get(user: "alice"))
            try await origin.finish()
            try await client.close()
            #expect(try await harness.logLines(1).first?.contains("\"reason\":\"tls-unreadable\"") == true)
        }
    }

    @Test(
        "what is no TLS passes unread, and so does a server that speaks first",
        arguments: [get(user: "alice"), "\u{16}\u{2}no"]
    )
    func notTLS(text: String) async throws {
        let stage = try TLSStage()
        try await Harness.run(configure: { $0.termination = stage.termination }) { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(text)
            #expect(await origin.text(text) == text)
            try await origin.write("what?")
            try await origin.finish()
            await client.wait { $0.hasEnded }
            #expect(client.seen.text == "what?")
            try await client.close()
            #expect(try await harness.logLines(1).first?.contains("\"reason\":\"not-tls\"") == true)

            let second = try await harness.connect()
            try await harness.origin.accept().write("220 hello\r\n")
            #expect(await second.text("220 hello\r\n") == "220 hello\r\n")
        }
    }

    @Test("a client whose handshake could not be answered passes unread, and one that stops in the middle of it")
    func unanswerable() async throws {
        let stage = try TLSStage()
        // A message of TLS 1.0 with one cipher suite, of 41 bytes behind the two headers.
        let hello: [UInt8] =
            [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0, 0x2f, 1, 0]
        try await Harness.run(configure: {
            $0.termination = stage.termination
            $0.headTimeout = .milliseconds(20)
        }) { harness in
            for count in [hello.count, 20] {
                let client = try await harness.connect()
                let origin = try await harness.origin.accept()
                try await client.write(Array(hello[..<count]))
                await origin.wait { $0.bytes.count == count || $0.isClosed }
                #expect(origin.seen.bytes == Array(hello[..<count]))
                try await client.close()
            }
        }
    }

    @Test("an original that does not answer to TLS gets what the client sent, on another connection")
    func stuckOriginal() async throws {
        let stage = try TLSStage()
        try await Harness.run(configure: {
            $0.termination = stage.termination
            // The client's first message has this time too, on a busy machine.
            $0.headTimeout = .seconds(1)
        }) { harness in
            let client = try await harness.connect(try stage.client())
            let first = try await harness.origin.accept()
            let second = try await harness.origin.accept()
            await second.wait { $0.bytes.count > 100 || $0.isClosed }
            #expect(second.seen.bytes.prefix(3) == [22, 3, 1])
            await first.wait { $0.hasEnded || $0.isClosed }
            try await client.close()
        }
    }

    @Test("each end is passed on as one, and the other direction goes on")
    func halfClose() async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext()) { harness, server in
            let client = try await harness.connect(try stage.client())
            try await client.write("odd protocol\n")
            let origin = try await server.accept()
            #expect(await origin.text("odd protocol\n") == "odd protocol\n")
            try await client.finish()
            await origin.wait { $0.hasEnded || $0.isClosed }
            #expect(origin.seen.hasEnded && !origin.seen.hasFailed)
            try await origin.write("answer")
            try await origin.close()
            #expect(await client.text("answer") == "answer")
            await client.wait { $0.isClosed }
            #expect(!client.seen.hasFailed, "with TLS's goodbye")
        }
    }

    @Test("a connection that its server just drops ends without TLS's goodbye for the client too, behind its last byte")
    func silentEnd() async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext()) { harness, server in
            let client = try await harness.connect(try stage.client())
            try await client.write(get())
            let origin = try await server.accept()
            #expect(await origin.text(get()) == get())
            let body = String(repeating: "x", count: 300_000)
            try await origin.write("HTTP/1.0 200 OK\r\n\r\n" + body)
            try await origin.endSilently()
            await client.wait { $0.isClosed }
            #expect(client.seen.text == "HTTP/1.0 200 OK\r\n\r\n" + body)
            #expect(client.seen.hasFailed)
        }
    }

    @Test("a reset is passed on as one", arguments: [true, false])
    func reset(byClient: Bool) async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext()) { harness, server in
            let client = try await harness.connect(try stage.client())
            try await client.write(get())
            let origin = try await server.accept()
            #expect(await origin.text(get()) == get())
            try await (byClient ? client : origin).resetBelow()
            let other = byClient ? origin : client
            await other.wait { $0.isClosed }
            #expect(other.seen.hasFailed)
        }
    }

    @Test("16 MiB each way arrive as they were sent")
    func large() async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext()) { harness, server in
            let body = [UInt8](pattern: 16 << 20)
            let client = try await harness.connect(try stage.client())
            try await client.write(get(method: "POST", fields: "Content-Length: \(body.count)\r\n"))
            let origin = try await server.accept()
            async let writing: Void = client.write(body)
            let head = get(method: "POST", fields: "Content-Length: \(body.count)\r\n").utf8.count
            await origin.wait { $0.bytes.count >= head + body.count || $0.isClosed }
            try await writing
            #expect(Array(origin.seen.bytes.dropFirst(head)) == body)
            let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
            async let answering: Void = origin.write(answer + body)
            await client.wait { $0.bytes.count >= answer.count + body.count || $0.isClosed }
            try await answering
            #expect(client.seen.bytes == answer + body)
        }
    }

    @Test("a Secret that changes is used from the next handshake on; one that breaks changes nothing")
    func rotation() async throws {
        let stage = try TLSStage("old.shop", hasAuthority: false)
        let termination = stage.termination
        try await stage.run(try stage.serverContext(), configure: { $0.termination = termination }) { harness, server in
            let first = try await harness.connect(try stage.client("old.shop"))
            await first.wait { $0.isSecured || $0.isClosed }
            #expect(first.seen.isSecured)
            _ = try await server.accept()

            let new = try stage.authority.identity("new.shop")
            try stage.write(new)
            let renewed = try await Server(tls: try stage.serverContext(new))
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: renewed.port)
            try await Harness.run(original: address) {
                $0.termination = termination
            } _: { harness in
                for isBroken in [false, true] {
                    if isBroken { try stage.write("no certificate", "tls.crt") }
                    let client = try await harness.connect(try stage.client("new.shop"))
                    try await client.write(get(user: "alice"))
                    let (stream, _) = try await harness.acceptStream()
                    #expect(await stream.text(get(user: "alice")) == get(user: "alice"), "answered by us")
                }
            }
            try await renewed.close()
        }
    }

    @Test("a request that falls back when the original has ended gets another connection of the same kind")
    func again() async throws {
        let stage = try TLSStage()
        try await stage.run(try stage.serverContext(applicationProtocols: ["http/1.1"])) { harness, server in
            let client = try await harness.connect(try stage.client(applicationProtocols: ["http/1.1"]))
            try await client.write(get(user: "alice"))
            let (stream, _) = try await harness.acceptStream(acknowledge: false)
            try await server.accept().finish()
            try await stream.close()
            let second = try await server.accept()
            #expect(await second.text(get(user: "alice")) == get(user: "alice"))
            #expect(second.seen.applicationProtocol == "http/1.1")
            #expect(stage.names == ["leaf.shop", "leaf.shop"])
            try await second.write(ok("original"))
            #expect(await client.text { $0.hasSuffix("original") }.contains("x-detour-reason: local-refused"))
        }
    }
}

extension TestSocket {
    /// Closes the connection below TLS, which says nothing, when all was sent.
    func endSilently() async throws {
        let channel = try self.channel
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self).close(promise: nil)
        }.get()
    }

    /// Resets the connection below TLS.
    func resetBelow() async throws {
        let channel = try self.channel
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let tls =
                (try? pipeline.context(handlerType: NIOSSLServerHandler.self))
                ?? (try? pipeline.context(handlerType: NIOSSLClientHandler.self))
            tls?.close(promise: nil)
        }.get()
    }
}
