import HTTP2Wire
import NIOCore

/// A frame as a test sees it; a field block is one frame, whatever it came in.
struct Seen: Hashable, CustomStringConvertible {
    var type: FrameType
    var flags: FrameFlags
    var stream: UInt32
    var payload: [UInt8]
    var fields: [String] = []

    var description: String {
        "\(self.type.rawValue) flags \(self.flags.rawValue) stream \(self.stream) \(self.fields) \(self.payload.prefix(24))"
    }

    var text: String { String(decoding: self.payload, as: UTF8.self) }
    /// The number at the end of the payload: a code, an increment.
    var number: Int { self.payload.suffix(4).reduce(0) { $0 << 8 | Int($1) } }
    var endsStream: Bool { self.flags.contains(.endStream) }
}

/// One end of a connection that a test plays: makes frames, and reads those it gets.
struct ScriptedEnd {
    var encoder = HPACKEncoder()
    private var decoder = HPACKDecoder()
    private var bytes: [UInt8] = []
    private(set) var preface = ""
    private var block: Seen?
    private var awaitsPreface: Bool

    init(awaitsPreface: Bool) {
        self.awaitsPreface = awaitsPreface
    }

    static func frame(
        _ type: FrameType,
        _ flags: FrameFlags = [],
        _ stream: UInt32 = 0,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type.rawValue, flags.rawValue]
            + Self.word(stream) + payload
    }

    static func word(_ number: UInt32) -> [UInt8] {
        [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    static func settings(_ settings: [Setting] = []) -> [UInt8] {
        self.frame(
            .settings,
            [],
            0,
            settings.flatMap { [UInt8($0.name.rawValue >> 8), UInt8($0.name.rawValue & 255)] + self.word($0.value) }
        )
    }

    mutating func headers(_ stream: UInt32, _ fields: FieldList, end: Bool = true) -> [UInt8] {
        Self.frame(.headers, end ? [.endHeaders, .endStream] : .endHeaders, stream, self.encoder.encode(fields))
    }

    /// The frames in what has come, but those that only say that something was received.
    mutating func read(_ bytes: ByteBuffer) -> [Seen] {
        self.bytes += bytes.readableBytesView
        if self.awaitsPreface {
            guard self.bytes.count >= 24 else { return [] }
            self.preface = String(decoding: self.bytes.prefix(24), as: UTF8.self)
            self.bytes.removeFirst(24)
            self.awaitsPreface = false
        }
        var seen: [Seen] = []
        while let header = self.bytes.withUnsafeBytes({ FrameHeader($0) }), self.bytes.count >= 9 + header.length {
            let payload = Array(self.bytes[9..<9 + header.length])
            self.bytes.removeFirst(9 + header.length)
            var frame = Seen(type: header.type, flags: header.flags, stream: header.stream, payload: payload)
            if header.type == .headers || header.type == .continuation {
                if var whole = self.block {
                    whole.payload += payload
                    whole.flags.formUnion(header.flags)
                    frame = whole
                }
                guard header.flags.contains(.endHeaders) else {
                    self.block = frame
                    continue
                }
                self.block = nil
                let block = try? frame.payload.withUnsafeBytes { try self.decoder.decode($0, limit: 1 << 20) }
                frame.fields = block?.fields.lines ?? ["not decodable"]
                frame.payload = []
            }
            seen.append(frame)
        }
        return seen
    }
}

extension FieldList {
    var lines: [String] {
        var lines: [String] = []
        self.forEach { name, value in
            // Latin-1: every byte is a character of its own.
            lines.append(
                "\(String(decoding: name, as: UTF8.self)): \(String(value.map { Character(UnicodeScalar($0)) }))"
            )
            return true
        }
        return lines
    }

    static func request(
        _ path: String = "/",
        user: String? = nil,
        method: String = "GET",
        grpc: Bool = false
    ) -> FieldList {
        var fields: FieldList = [":method": method, ":scheme": "http", ":path": path, ":authority": "leaf"]
        if grpc { fields.append("content-type", "application/grpc+proto") }
        if let user { fields.append("x-user", user) }
        return fields
    }
}
