import NIOCore

/// Writes the WebSocket frames of a client (RFC 6455): header, a channel byte, and the payload masked while it is copied.
struct WebSocketWriter {
    /// The longest payload a frame is given, the channel byte included. It keeps the header's short form.
    static let longestPayload = 65_535

    private var random = SystemRandomNumberGenerator()
    private var spare: UInt32?

    /// One binary message for a channel.
    ///
    /// - Parameters:
    ///   - data: at most ``longestPayload`` − 1 bytes.
    ///   - channel: the first byte of the message.
    ///   - allocator: where the frame comes from.
    /// - Returns: the frame.
    mutating func message(_ data: ByteBuffer, channel: UInt8, allocator: ByteBufferAllocator) -> ByteBuffer {
        let key = self.key()
        let length = data.readableBytes + 1
        var frame = allocator.buffer(capacity: length + 8)
        Self.writeHeader(opcode: 0x2, length: length, key: key, into: &frame)
        frame.writeInteger(channel ^ UInt8(truncatingIfNeeded: key))
        // The data begins with the second byte of the key, the channel having used the first.
        Self.writeMasked(data, key: key >> 8 | key << 24, into: &frame)
        return frame
    }

    /// One control frame.
    mutating func control(opcode: UInt8, _ payload: ByteBuffer, allocator: ByteBufferAllocator) -> ByteBuffer {
        let key = self.key()
        var frame = allocator.buffer(capacity: payload.readableBytes + 8)
        Self.writeHeader(opcode: opcode, length: payload.readableBytes, key: key, into: &frame)
        Self.writeMasked(payload, key: key, into: &frame)
        return frame
    }

    private static func writeHeader(opcode: UInt8, length: Int, key: UInt32, into frame: inout ByteBuffer) {
        frame.writeInteger(0x80 | opcode)
        if length < 126 {
            frame.writeInteger(0x80 | UInt8(truncatingIfNeeded: length))
        } else {
            frame.writeInteger(UInt8(0x80 | 126))
            frame.writeInteger(UInt16(truncatingIfNeeded: length))
        }
        frame.writeInteger(key, endianness: .little)
    }

    /// Copies the bytes, each xored with its byte of the key (the lowest first), eight at a time.
    static func writeMasked(_ data: ByteBuffer, key: UInt32, into frame: inout ByteBuffer) {
        let count = data.readableBytes
        let wide = UInt64(key) << 32 | UInt64(key)
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            data.withUnsafeReadableBytes { source in
                var index = 0
                while index + 8 <= count {
                    let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                    target.storeBytes(of: (word ^ wide).littleEndian, toByteOffset: index, as: UInt64.self)
                    index += 8
                }
                while index < count {
                    target[index] = source[index] ^ UInt8(truncatingIfNeeded: wide >> UInt64(8 * (index & 7)))
                    index += 1
                }
                return count
            }
        }
    }

    /// A fresh key for each frame, as section 5.3 asks; one draw from the system serves two.
    private mutating func key() -> UInt32 {
        if let key = self.spare.take() { return key }
        let drawn = self.random.next()
        self.spare = UInt32(truncatingIfNeeded: drawn >> 32)
        return UInt32(truncatingIfNeeded: drawn)
    }
}
