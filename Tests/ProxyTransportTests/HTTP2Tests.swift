import Foundation
import HTTP2Wire
import NIOCore
import ProxyCore
import Testing
import TrafficMatch
import Tunnel

@testable import PeerTestSupport
@testable import ProxyTransport

@Suite("Over real sockets, an HTTP/2 connection", .timeLimit(.minutes(5)))
struct HTTP2Tests {
    private static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    /// SETTINGS without parameters, and the acknowledgement of the other's.
    private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    private static let acknowledgement: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
    private static let opening = Array(preface.utf8) + settings

    private func request(_ stream: UInt8, user: String? = nil) -> [UInt8] {
        var encoder = HPACKEncoder()
        var fields: FieldList = [":method": "GET", ":scheme": "http", ":path": "/p"]
        if let user { fields.append("x-user", user, .never) }
        let block = encoder.encode(fields)
        return [0, 0, UInt8(block.count), 1, 5, 0, 0, 0, stream] + block
    }

    /// A response of `:status: 200` without a body.
    private func response(_ stream: UInt8) -> [UInt8] {
        [0, 0, 1, 1, 5, 0, 0, 0, stream, 0x88]
    }

    /// Waits until the frames that have come hold one of this type for this stream, and answers with its payload.
    private func frame(
        _ type: UInt8,
        _ stream: UInt8,
        from socket: TestSocket,
        after skipped: Int = 0
    ) async -> [UInt8]? {
        @Sendable func find(_ bytes: [UInt8]) -> [UInt8]? {
            var rest = bytes.dropFirst(skipped)
            while let header = Array(rest).withUnsafeBytes({ FrameHeader($0) }), rest.count >= 9 + header.length {
                if header.type.rawValue == type, header.stream == UInt32(stream) {
                    return Array(rest.dropFirst(9).prefix(header.length))
                }
                rest = rest.dropFirst(9 + header.length)
            }
            return nil
        }
        return find(await socket.wait { find($0.bytes) != nil || $0.isClosed }.bytes)
    }

    private func open(_ harness: Harness) async throws -> (client: TestSocket, origin: TestSocket) {
        let client = try await harness.connect()
        let origin = try await harness.origin.accept()
        // As gRPC's servers do: the greeting comes before the client has said anything.
        try await origin.write(Self.settings)
        try await client.write(Self.opening)
        #expect(await self.frame(4, 0, from: origin, after: Self.preface.utf8.count) != nil)
        #expect(await self.frame(4, 0, from: client) != nil)
        return (client, origin)
    }

    @Test("goes stream by stream to the original and to the laptop, behind a header that names its connection")
    func routes() async throws {
        try await Harness.run { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1, user: "alice") + self.request(3))
            let (stream, header) = try await harness.acceptStream()
            #expect(header.route == "alice")
            #expect(header.applicationProtocol == "h2")
            #expect(header.source?.port == (try client.channel.localAddress?.port).map { UInt16($0) })
            #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
            try await origin.write(self.response(1))
            #expect(await self.frame(1, 3, from: client) == [0x88])
            try await stream.write(Self.settings)
            #expect(await self.frame(1, 1, from: stream, after: Self.preface.utf8.count) != nil)
            try await stream.write(self.response(1))
            #expect(await self.frame(1, 1, from: client) == [0x88])
            try await client.close()
            try await origin.close()
            let lines = try await harness.logLines(2)
            #expect(lines.count { $0.contains("\"path\":\"/p\",\"protocol\":\"HTTP/2\",\"status\":200") } == 2)
            #expect(harness.routes.counts().first?.diverted == 1)
            let seen = await harness.listener.takeSightings()["alice"]
            #expect(
                seen?.requests == 2 && seen?.recent.map(\.path) == ["/p"] && seen?.recent.map(\.server) == ["laptop"]
            )
        }
    }

    @Test("is looked at closely, stream by stream, until one has matched")
    func nearMisses() async throws {
        try await Harness.run { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1, user: "bob") + self.request(3))
            #expect(await self.frame(1, 3, from: origin, after: Self.preface.utf8.count) != nil)
            let seen = await harness.listener.takeSightings()["alice"]
            #expect(seen?.misses == [.init(absent: 1, other: 1)])
            #expect(seen?.names == ["x-user": 1], "no pseudo-header field is a name")
        }
    }

    @Test("falls back when the tunnel does not answer in time")
    func acknowledgementTimeout() async throws {
        try await Harness.run(configure: { $0.acknowledgementTimeout = .milliseconds(50) }) { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1, user: "alice"))
            let (stream, _) = try await harness.acceptStream(acknowledge: false)
            #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
            try await origin.write(self.response(1))
            let fields = await self.frame(1, 1, from: client) ?? []
            #expect(String(decoding: fields, as: UTF8.self).contains("ack-timeout"))
            await stream.wait { $0.isClosed || $0.hasEnded }
            #expect(stream.seen.bytes.isEmpty)
        }
    }

    @Test("falls back when the local process takes the connection and says nothing")
    func silentProcess() async throws {
        try await Harness.run(configure: { $0.acknowledgementTimeout = .milliseconds(50) }) { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1, user: "alice"))
            let (stream, _) = try await harness.acceptStream(acknowledge: false)
            // On a busy machine the time may be over before this is written: then it is the acknowledgement that was late.
            try? await stream.write([0x06])
            #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
            try await origin.write(self.response(1))
            let fields = await self.frame(1, 1, from: client) ?? []
            #expect(String(decoding: fields, as: UTF8.self).contains("x-detour-reason"))
            await stream.wait { $0.isClosed || $0.hasEnded }
        }
    }

    @Test("passes unread, byte for byte, on a port without routes")
    func withoutRoutes() async throws {
        try await Harness.run { harness in
            harness.routes.replace(port: 80, with: [])
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let bytes = Self.opening + self.request(1, user: "alice")
            try await client.write(bytes)
            await origin.wait { $0.bytes.count >= bytes.count }
            #expect(origin.seen.bytes == bytes)
            try await client.close()
            try await origin.close()
            #expect(try await harness.logLines(1).first?.contains("\"reason\":\"h2-preface\"") == true)
        }
    }

    @Test(
        "that is none after all passes unread from its first byte",
        arguments: ["XX", "SM\r\n\r\nno settings at all"]
    )
    func badPreface(tail: String) async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            let text = "PRI * HTTP/2.0\r\n\r\n" + tail
            try await client.write(text)
            #expect(await origin.text(text) == text)
            try await origin.write("what?")
            #expect(await client.text("what?") == "what?")
        }
    }

    @Test("to an original that speaks HTTP/1 sees what that says, and the end")
    func otherProtocol() async throws {
        try await Harness.run { harness in
            let client = try await harness.connect()
            let origin = try await harness.origin.accept()
            try await client.write(Self.opening + self.request(1))
            await origin.wait { $0.bytes.count >= Self.opening.count }
            try await origin.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            try await origin.close()
            await client.wait { $0.hasEnded || $0.isClosed }
            #expect(client.seen.text == "HTTP/1.1 400 Bad Request\r\n\r\n")
        }
    }

    @Test("ends as one of its ends does", arguments: [true, false])
    func mirrors(byReset: Bool) async throws {
        try await Harness.run { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1))
            #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
            if byReset { try await origin.reset() } else { try await origin.close() }
            await client.wait { $0.hasEnded || $0.isClosed }
            #expect(client.seen.hasFailed == byReset)
        }
    }

    @Test("that is reset delivers what came before, all of it", arguments: [512, 1_024, 2_048, 4_096])
    func bytesBeforeReset(size: Int) async throws {
        for _ in 0..<8 {
            try await Harness.run { harness in
                let (client, origin) = try await self.open(harness)
                try await client.write(self.request(1))
                #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
                // As much as one read takes: its end is not seen before the reset is.
                let body = size - 10 - 9
                let head = self.response(1).replacing([5, 0, 0, 0, 1], with: [4, 0, 0, 0, 1], maxReplacements: 1)
                let data =
                    [0, UInt8(body >> 8), UInt8(body & 255), 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 7, count: body)
                try await origin.reset(after: head + data)
                await client.wait { $0.isClosed }
                #expect(client.seen.hasFailed)
                #expect(await self.frame(0, 1, from: client)?.count == body)
            }
        }
    }

    @Test("is asked to end by GOAWAY, and ends with its last stream")
    func drain() async throws {
        try await Harness.run { harness in
            let (client, origin) = try await self.open(harness)
            try await client.write(self.request(1))
            #expect(await self.frame(1, 1, from: origin, after: Self.preface.utf8.count) != nil)
            harness.listener.announceClose()
            #expect(await self.frame(7, 0, from: client) == [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
            harness.listener.closeIdle()
            try await origin.write(self.response(1))
            #expect(await self.frame(1, 1, from: client) == [0x88])
            await client.wait { $0.hasEnded || $0.isClosed }
        }
    }
}
