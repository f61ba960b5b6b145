/// Where in the chunk grammar a body stands, and how much of each limit is used up.
struct ChunkState: Sendable {
    enum Stage: UInt8 {
        case firstDigit
        case digits
        case chunkExtension
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
    }

    /// Sixteen digits would overflow a signed 64-bit count.
    static let maximumDigits = 15
    /// Extensions are for nobody; a sender that needs more hides something.
    static let maximumExtension = 1024
    static let maximumTrailers = 16 << 10

    var stage: Stage = .firstDigit
    var digits = 0
    var extensionBytes = 0
    var trailerBytes = 0
    var name = TrailerName()
}

extension BodyFramer {
    /// Takes bytes by the grammar of RFC 9112 7.1, strictly: no blanks around a size, CR LF after every line.
    mutating func takeChunks(_ view: ByteView, from start: Int) -> Int? {
        var index = start
        while index < view.count {
            if self.chunk.stage == .data {
                let taken = Int(min(Int64(view.count - index), self.remaining))
                self.remaining -= Int64(taken)
                index &+= taken
                if self.remaining == 0 { self.chunk.stage = .dataCarriageReturn }
                continue
            }
            guard self.takeGrammar(view[index]) else {
                return nil
            }
            index &+= 1
            if self.kind == .none {
                break
            }
        }
        return index - start
    }

    /// Takes one byte that is not chunk data; `false` when the grammar does not allow it here.
    private mutating func takeGrammar(_ byte: UInt8) -> Bool {
        switch self.chunk.stage {
        case .firstDigit, .digits:
            return self.takeDigit(byte)
        case .chunkExtension:
            return self.takeExtension(byte)
        case .sizeLineFeed:
            guard byte == Byte.lineFeed else { return false }
            self.chunk.stage = self.remaining == 0 ? .trailerStart : .data
        case .data:
            return false
        case .dataCarriageReturn:
            guard byte == Byte.carriageReturn else { return false }
            self.chunk.stage = .dataLineFeed
        case .dataLineFeed:
            guard byte == Byte.lineFeed else { return false }
            self.chunk.stage = .firstDigit
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed:
            return self.takeTrailer(byte)
        case .lastLineFeed:
            guard byte == Byte.lineFeed else { return false }
            self.kind = .none
        }
        return true
    }

    private mutating func takeDigit(_ byte: UInt8) -> Bool {
        let digit: Int64
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int64(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = Int64(byte) - 0x57
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = Int64(byte) - 0x37
        case Byte.carriageReturn where self.chunk.stage == .digits:
            self.chunk.stage = .sizeLineFeed
            return true
        case Byte.semicolon where self.chunk.stage == .digits:
            self.chunk.stage = .chunkExtension
            self.chunk.extensionBytes = 0
            return true
        default: return false
        }
        if self.chunk.stage == .firstDigit {
            self.chunk.stage = .digits
            self.chunk.digits = 0
            self.remaining = 0
        }
        self.chunk.digits &+= 1
        self.remaining = self.remaining << 4 | digit
        return self.chunk.digits <= ChunkState.maximumDigits
    }

    private mutating func takeExtension(_ byte: UInt8) -> Bool {
        if byte == Byte.carriageReturn {
            self.chunk.stage = .sizeLineFeed
            return true
        }
        self.chunk.extensionBytes &+= 1
        return byte >= 0x20 && byte != Byte.delete && self.chunk.extensionBytes <= ChunkState.maximumExtension
    }

    private mutating func takeTrailer(_ byte: UInt8) -> Bool {
        self.chunk.trailerBytes &+= 1
        guard self.chunk.trailerBytes <= ChunkState.maximumTrailers else {
            return false
        }
        switch self.chunk.stage {
        case .trailerStart where byte == Byte.carriageReturn:
            self.chunk.stage = .lastLineFeed
        case .trailerStart:
            self.chunk.name = TrailerName()
            self.chunk.stage = .trailerName
            return self.chunk.name.take(byte)
        case .trailerName where byte == Byte.colon:
            self.chunk.stage = .trailerValue
            return !self.chunk.name.isForbidden
        case .trailerName:
            return self.chunk.name.take(byte)
        case .trailerValue where byte == Byte.carriageReturn:
            self.chunk.stage = .trailerLineFeed
        case .trailerValue:
            return byte == Byte.tab || (byte >= 0x20 && byte != Byte.delete)
        default:
            guard byte == Byte.lineFeed else { return false }
            self.chunk.stage = .trailerStart
        }
        return true
    }
}

/// Recognises, a byte at a time, the trailer names that would change how a message is framed or routed.
struct TrailerName: Sendable {
    private var length = 0
    /// One bit for each name that still fits.
    private var candidates: UInt8 = 0b111

    private static func letter(of candidate: Int, at index: Int) -> UInt8? {
        let name: StaticString =
            switch candidate {
            case 0: "content-length"
            case 1: "transfer-encoding"
            default: "host"
            }
        return index < name.utf8CodeUnitCount ? name.utf8Start[index] : nil
    }

    /// Takes the next byte of the name; `false` when no name may hold it.
    mutating func take(_ byte: UInt8) -> Bool {
        guard isTokenCharacter(byte) else {
            return false
        }
        for candidate in 0..<3 where Self.letter(of: candidate, at: self.length) != lowercased(byte) {
            self.candidates &= ~(1 << UInt8(candidate))
        }
        self.length += 1
        return true
    }

    /// Whether the bytes taken so far are exactly one of those names.
    var isForbidden: Bool {
        (0..<3).contains { candidate in
            self.candidates & (1 << UInt8(candidate)) != 0 && Self.letter(of: candidate, at: self.length) == nil
        }
    }
}
