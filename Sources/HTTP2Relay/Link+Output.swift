import HTTP2Wire
import NIOCore

/// Frames as they go out.
extension Link {
    mutating func write(_ header: FrameHeader) {
        self.outbox.writeInteger(UInt8(truncatingIfNeeded: header.length >> 16))
        self.outbox.writeInteger(UInt16(truncatingIfNeeded: header.length))
        self.outbox.writeInteger(header.type.rawValue)
        self.outbox.writeInteger(header.flags.rawValue)
        self.outbox.writeInteger(header.stream)
    }

    mutating func writeSettings(_ settings: [Setting]) {
        self.sentSettings += 1
        self.write(FrameHeader(length: settings.count * Setting.length, type: .settings))
        for setting in settings { self.outbox.writeMultipleIntegers(setting.name.rawValue, setting.value) }
    }

    mutating func writeSettingsAcknowledgement() {
        self.write(FrameHeader(length: 0, type: .settings, flags: .acknowledgement))
    }

    /// Makes the connection's window as large as ours is, from what RFC 9113 section 6.9.2 starts with.
    mutating func writeFirstWindow() {
        self.writeWindowUpdate(stream: 0, UInt32(Bounds.connectionWindow - 65_535))
    }

    mutating func writeWindowUpdate(stream: UInt32, _ increment: UInt32) {
        self.write(FrameHeader(length: 4, type: .windowUpdate, stream: stream))
        self.outbox.writeInteger(increment)
    }

    mutating func writeReset(stream: UInt32, _ code: ErrorCode) {
        self.write(FrameHeader(length: 4, type: .resetStream, stream: stream))
        self.outbox.writeInteger(code.rawValue)
    }

    mutating func writePing(_ data: UInt64, isAcknowledgement: Bool) {
        self.write(FrameHeader(length: 8, type: .ping, flags: isAcknowledgement ? .acknowledgement : []))
        self.outbox.writeInteger(data)
    }

    mutating func writeGoAway(last: UInt32, _ code: ErrorCode, debug: ByteBuffer = ByteBuffer()) {
        self.write(FrameHeader(length: 8 + debug.readableBytes, type: .goAway))
        self.outbox.writeMultipleIntegers(last, code.rawValue)
        self.outbox.writeImmutableBuffer(debug)
    }

    /// A field block in as many frames as it needs.
    mutating func writeFields(stream: UInt32, _ fields: FieldList, endsStream: Bool) {
        var rest = self.encoder.encode(fields)[...]
        var type = FrameType.headers
        repeat {
            let part = rest.prefix(FrameHeader.smallestMaximum)
            rest = rest.dropFirst(part.count)
            var flags: FrameFlags = rest.isEmpty ? .endHeaders : []
            if type == .headers, endsStream { flags.insert(.endStream) }
            self.write(FrameHeader(length: part.count, type: type, flags: flags, stream: stream))
            self.outbox.writeBytes(part)
            type = .continuation
        } while !rest.isEmpty
    }

    mutating func writeData(stream: UInt32, _ bytes: ByteBuffer, endsStream: Bool) {
        self.write(
            FrameHeader(
                length: bytes.readableBytes,
                type: .data,
                flags: endsStream ? .endStream : [],
                stream: stream
            )
        )
        self.outbox.writeImmutableBuffer(bytes)
    }
}
