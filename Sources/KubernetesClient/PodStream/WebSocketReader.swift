import NIOCore

/// Reads the WebSocket frames of a server (RFC 6455), payloads as they come: nothing is held back until a frame is whole.
struct WebSocketReader {
    /// A piece of what was read.
    enum Piece: Equatable {
        /// Bytes of a message; `isFirst` when the message begins with them.
        case payload(ByteBuffer, isFirst: Bool)
        /// The message is complete.
        case endOfMessage
        /// To be answered by a pong with the same bytes.
        case ping(ByteBuffer)
        /// An answer to a ping.
        case pong
        /// The server closes, with a code when it gives one.
        case close(code: UInt16?, reason: String)
    }

    /// What no server may send.
    enum Violation: String, Error, Equatable {
        case reservedBits = "reserved bits are set"
        case masked = "a server's frame is masked"
        case unknownOpcode = "an unknown kind of frame"
        case controlTooLong = "a control frame is longer than 125 bytes or fragmented"
        case lengthOutOfRange = "a length out of range"
        case unexpectedContinuation = "a continuation of nothing"
        case interruptedMessage = "a message begins inside another"
    }

    private enum State {
        case header
        case payload(remaining: Int, isFinal: Bool)
        case control(opcode: UInt8, length: Int)
    }

    private var state = State.header
    /// Whether a message has begun and not ended.
    private var isInMessage = false
    /// Whether the message has had no byte yet.
    private var isAtStart = false

    /// The next piece, taken from the front of `buffer`; nil when more bytes are needed.
    mutating func next(_ buffer: inout ByteBuffer) throws(Violation) -> Piece? {
        while true {
            switch self.state {
            case .header:
                guard try self.readHeader(&buffer) else { return nil }
            case .payload(0, let isFinal):
                self.state = .header
                guard isFinal else { continue }
                self.isInMessage = false
                return .endOfMessage
            case .payload(let remaining, let isFinal):
                guard let bytes = buffer.readSlice(length: min(remaining, buffer.readableBytes)),
                    bytes.readableBytes > 0
                else { return nil }
                self.state = .payload(remaining: remaining - bytes.readableBytes, isFinal: isFinal)
                defer { self.isAtStart = false }
                return .payload(bytes, isFirst: self.isAtStart)
            case .control(let opcode, let length):
                guard var bytes = buffer.readSlice(length: length) else { return nil }
                self.state = .header
                switch opcode {
                case 0x9: return .ping(bytes)
                case 0xa: return .pong
                default: return .close(code: bytes.readInteger(), reason: String(buffer: bytes))
                }
            }
        }
    }

    /// Reads a frame's header if it is whole; otherwise leaves it where it is.
    private mutating func readHeader(_ buffer: inout ByteBuffer) throws(Violation) -> Bool {
        let start = buffer.readerIndex
        guard let first: UInt8 = buffer.getInteger(at: start), let second: UInt8 = buffer.getInteger(at: start + 1)
        else {
            return false
        }
        guard first & 0x70 == 0 else { throw .reservedBits }
        guard second & 0x80 == 0 else { throw .masked }
        let opcode = first & 0x0f
        let isFinal = first & 0x80 != 0
        var length = Int(second)
        var size = 2
        switch second {
        case 126:
            guard let extended: UInt16 = buffer.getInteger(at: start + 2) else { return false }
            length = Int(extended)
            size = 4
        case 127:
            guard let extended: UInt64 = buffer.getInteger(at: start + 2) else { return false }
            guard let value = Int(exactly: extended) else { throw .lengthOutOfRange }
            length = value
            size = 10
        default: break
        }
        switch opcode {
        case 0x0:
            guard self.isInMessage else { throw .unexpectedContinuation }
            self.state = .payload(remaining: length, isFinal: isFinal)
        case 0x1, 0x2:
            guard !self.isInMessage else { throw .interruptedMessage }
            self.isInMessage = true
            self.isAtStart = true
            self.state = .payload(remaining: length, isFinal: isFinal)
        case 0x8...0xa:
            guard isFinal, length <= 125 else { throw .controlTooLong }
            self.state = .control(opcode: opcode, length: length)
        default: throw .unknownOpcode
        }
        buffer.moveReaderIndex(forwardBy: size)
        return true
    }
}
