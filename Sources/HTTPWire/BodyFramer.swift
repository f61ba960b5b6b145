/// Finds where a message's body ends, without keeping any of it.
public struct BodyFramer: Sendable {
    enum Kind: UInt8 {
        case none
        case length
        case chunked
        case untilClose
    }

    var kind: Kind
    var remaining: Int64
    var chunk = ChunkState()

    init(kind: Kind, remaining: Int64 = 0) {
        self.kind = kind
        self.remaining = remaining
    }

    /// No body, or a body that has ended.
    public static let none = BodyFramer(kind: .none)
    /// A body that ends with its connection.
    public static let untilClose = BodyFramer(kind: .untilClose)

    /// A body of `count` bytes.
    public static func length(_ count: Int64) -> BodyFramer {
        BodyFramer(kind: count > 0 ? .length : .none, remaining: count)
    }

    /// A body of chunks (RFC 9112 7.1).
    public static func chunked() -> BodyFramer {
        BodyFramer(kind: .chunked)
    }

    /// Whether every byte of the body has been taken.
    public var isComplete: Bool {
        self.kind == .none
    }

    /// Whether only the end of the connection ends the body.
    public var endsWithConnection: Bool {
        self.kind == .untilClose
    }

    /// How many of the view's bytes, from `start`, belong to the body; `nil` when they break the chunk grammar.
    public mutating func take(_ view: ByteView, from start: Int = 0) -> Int? {
        let available = view.count - start
        switch self.kind {
        case .none:
            return 0
        case .length:
            let taken = Int(min(Int64(available), self.remaining))
            self.remaining -= Int64(taken)
            if self.remaining == 0 { self.kind = .none }
            return taken
        case .untilClose:
            return available
        case .chunked:
            return self.takeChunks(view, from: start)
        }
    }
}
