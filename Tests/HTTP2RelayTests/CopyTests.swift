import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("A copy of an HTTP/2 exchange")
struct CopyTests {
    private static let request = CopiedMessage(
        fields: .request("/a", method: "POST", grpc: true),
        body: ByteBuffer(repeating: 7, count: 40_000),
        trailers: ["x-checksum": "7"]
    )

    /// An exchange with an interim response, a body in parts, and trailers; what client and original saw of it.
    private func exchange(_ rig: inout Rig) -> [[Seen]] {
        rig.request(1, Self.request.fields, end: false)
        rig.data(.client, 1, Array(Self.request.body.readableBytesView))
        rig.request(1, Self.request.trailers)
        rig.headers(.original, 1, [":status": "103", "link": "</a>"], end: false)
        rig.headers(.original, 1, [":status": "200", "server": "s"], end: false)
        rig.data(.original, 1, Array("answer".utf8))
        rig.data(.original, 1, Array("s".utf8))
        rig.headers(.original, 1, ["grpc-status": "0"])
        return [rig.take(.original), rig.take(.client)]
    }

    @Test("is whole, and client and original see what they see without it")
    func whole() throws {
        var plain = Rig()
        let expected = self.exchange(&plain)
        #expect(plain.copies.isEmpty)
        #expect(plain.records[1]?.isWhole == true)
        var rig = Rig()
        rig.makesCopies = true
        #expect(self.exchange(&rig) == expected)
        let copy = try #require(rig.copies[1])
        #expect(CopiedMessage(frames: copy[.client] ?? ByteBuffer()) == Self.request)
        let response = CopiedMessage(
            fields: [":status": "200", "server": "s"],
            body: ByteBuffer(string: "answers"),
            trailers: ["grpc-status": "0"]
        )
        #expect(CopiedMessage(frames: copy[.original] ?? ByteBuffer()) == response)
        #expect(CopiedMessage(frames: response.frames) == response)
        #expect(rig.records[1]?.isWhole == true)
    }

    @Test("of messages without bodies ends with their fields, or with an empty part")
    func bodiless() {
        var rig = Rig()
        rig.makesCopies = true
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "204"])
        rig.request(3, .request(), end: false)
        rig.data(.client, 3, [], end: true)
        rig.headers(.original, 3, [":status": "200"], end: false)
        rig.data(.original, 3, [], end: true)
        for (stream, status) in [(UInt32(1), "204"), (3, "200")] {
            let copy = rig.copies[stream] ?? [:]
            #expect(CopiedMessage(frames: copy[.client] ?? ByteBuffer()) == CopiedMessage(fields: .request()))
            #expect(
                CopiedMessage(frames: copy[.original] ?? ByteBuffer()) == CopiedMessage(fields: [":status": status])
            )
            #expect(rig.records[stream]?.isWhole == true)
        }
    }

    @Test("is none of what a laptop answers, what was reset, or what was given up")
    func none() {
        var rig = Rig()
        rig.makesCopies = true
        rig.request(1, .request(user: "alice"))
        rig.request(3, .request(), end: false)
        rig.headers(.original, 1, [":status": "200"], end: false)
        rig.reset(.original, 1, .cancel)
        #expect(rig.copies[1] == nil)
        #expect(rig.records[3]?.isWhole == false)
        #expect(CopiedMessage(frames: rig.copies[3]?[.original] ?? ByteBuffer()) == nil)
        rig.request(5, .request(), end: false)
        rig.relay.stopCopying(5)
        let length = rig.copies[5]?[.client]?.readableBytes
        rig.data(.client, 5, [1, 2, 3], end: true)
        rig.headers(.original, 3, [":status": "200"])
        #expect(rig.copies[5]?[.client]?.readableBytes == length)
        #expect(rig.copies[5]?[.original] == nil)
    }

    @Test("is not read from frames that are cut, or that hold more than one message")
    func notWhole() {
        let frames = Self.request.frames
        for length in [0, 5, 9, frames.readableBytes / 2, frames.readableBytes - 1] {
            #expect(CopiedMessage(frames: frames.getSlice(at: 0, length: length) ?? ByteBuffer()) == nil)
        }
        var twice = frames
        twice.writeImmutableBuffer(frames)
        #expect(CopiedMessage(frames: twice) == nil)
    }
}
