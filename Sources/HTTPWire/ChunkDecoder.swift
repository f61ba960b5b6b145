/// Takes the data out of a body of chunks (RFC 9112 section 7.1), in as many pieces as it comes.
///
/// Give it only what a ``BodyFramer`` has taken: the grammar is not checked once more. Trailers are passed over.
public struct ChunkDecoder: Sendable {
    private enum Stage {
        case size
        case sizeExtension
        case data
        /// The CR LF behind the data.
        case dataEnd
        case trailers
    }

    private var stage: Stage = .size
    private var left = 0

    /// A decoder at the start of a body.
    public init() {}

    /// The data in the next bytes of the body.
    public mutating func take(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var data: [UInt8] = []
        for byte in bytes {
            switch self.stage {
            case .size: self.takeSize(byte)
            case .sizeExtension: if byte == Byte.lineFeed { self.endSize() }
            case .data:
                data.append(byte)
                self.left &-= 1
                if self.left == 0 { self.stage = .dataEnd }
            case .dataEnd: if byte == Byte.lineFeed { self.stage = .size }
            case .trailers: break
            }
        }
        return data
    }

    private mutating func takeSize(_ byte: UInt8) {
        switch byte {
        case Byte.lineFeed: self.endSize()
        case Byte.semicolon: self.stage = .sizeExtension
        case Byte.carriageReturn: break
        default: self.left = self.left << 4 | Int(byte & 0xf) &+ (byte > UInt8(ascii: "9") ? 9 : 0)
        }
    }

    private mutating func endSize() {
        self.stage = self.left == 0 ? .trailers : .data
    }
}
