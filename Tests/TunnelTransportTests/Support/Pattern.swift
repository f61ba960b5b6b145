import TestSupport

/// Bytes that can be told apart anywhere: another stream's, another position's, or one byte lost shows at once.
struct Pattern {
    private static let base: [UInt8] = {
        var generator = SplitMix64(seed: 20_26)
        // A prime length, so that no power of two is a period.
        return (0..<1_000_003).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }()

    private(set) var position: Int

    init(_ stream: Int) {
        self.position = (stream * 7919) % Self.base.count
    }

    mutating func next(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let piece = Self.base[self.position..<min(self.position + count - bytes.count, Self.base.count)]
            bytes += piece
            self.position = (self.position + piece.count) % Self.base.count
        }
        return bytes
    }
}
