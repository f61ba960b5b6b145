/// Cuts a stream of bytes into lines (newline-delimited JSON), however the bytes were split on the way.
public struct LineFramer: Sendable {
    /// A line was longer than the cap; the stream is of no further use.
    public struct LineTooLong: Error, Hashable {
        /// The cap in bytes.
        public var limit: Int
    }

    /// The longest line taken.
    public let limit: Int
    private var buffer: [UInt8] = []
    private var consumed = 0
    /// Up to where the buffer is known to hold no newline.
    private var scanned = 0

    /// A framer that takes lines of up to `limit` bytes.
    public init(limit: Int = 64 * 1024 * 1024) {
        self.limit = limit
    }

    /// Adds bytes as they came.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if self.consumed > 0 {
            self.buffer.removeFirst(self.consumed)
            self.scanned -= self.consumed
            self.consumed = 0
        }
        self.buffer.append(contentsOf: bytes)
    }

    /// The next complete line without its end, blank lines skipped; nil when more bytes are needed.
    public mutating func next() throws(LineTooLong) -> [UInt8]? {
        while let end = self.buffer[self.scanned...].firstIndex(of: 0x0a) {
            var line = self.buffer[self.consumed..<end]
            self.consumed = end + 1
            self.scanned = self.consumed
            if line.last == 0x0d { line.removeLast() }
            guard line.count <= self.limit else { throw LineTooLong(limit: self.limit) }
            if !line.isEmpty { return Array(line) }
        }
        self.scanned = self.buffer.count
        guard self.buffer.count - self.consumed <= self.limit else { throw LineTooLong(limit: self.limit) }
        return nil
    }

    /// The last line, when the stream ended without a newline after it; nil when nothing is left.
    public mutating func finish() -> [UInt8]? {
        defer {
            self.buffer = []
            self.consumed = 0
            self.scanned = 0
        }
        let rest = self.buffer[self.consumed...]
        return rest.isEmpty ? nil : Array(rest)
    }
}
