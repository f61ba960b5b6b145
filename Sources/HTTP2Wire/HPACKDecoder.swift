/// Why a field block cannot be read; the connection's compression state is lost with it.
public struct CompressionError: Error, Hashable, Sendable {}

/// Reads field blocks; RFC 7541. One for each direction of a connection, fed with every block in order.
public struct HPACKDecoder: Sendable {
    /// The table size that holds while SETTINGS say nothing else.
    public static let defaultTableSize = 4_096

    private var table = DynamicTable(capacity: Self.defaultTableSize)
    private let maximumTableSize: Int

    /// A decoder whose encoder may use a table of `maximumTableSize` bytes.
    public init(maximumTableSize: Int = Self.defaultTableSize) {
        self.maximumTableSize = maximumTableSize
        self.table.capacity = maximumTableSize
    }

    /// What came of a block.
    public struct Block: Sendable {
        /// The fields; without those past the limit.
        public var fields: FieldList
        /// Whether there were more than the limit allows.
        public var isTooLong: Bool
    }

    /// Reads a whole block.
    ///
    /// - Parameters:
    ///   - bytes: the fragments of the block, joined.
    ///   - limit: how many bytes of names and values, and 32 a field, are kept.
    public mutating func decode(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> Block {
        var reader = Reader(bytes: bytes)
        var block = Block(fields: FieldList(), isTooLong: false)
        var mayResize = true
        while let first = reader.peek {
            if first & 0xe0 == 0x20 {
                let size = try reader.integer(prefix: 5)
                guard mayResize, size <= self.maximumTableSize else { throw CompressionError() }
                self.table.capacity = size
                continue
            }
            mayResize = false
            let (name, value, indexing) = try self.field(first, &reader)
            guard !block.isTooLong, block.fields.size + name.count + value.count + 32 <= limit else {
                block.isTooLong = true
                continue
            }
            block.fields.append(name, value, indexing)
        }
        return block
    }

    private mutating func field(
        _ first: UInt8,
        _ reader: inout Reader
    ) throws(CompressionError) -> (name: [UInt8], value: [UInt8], FieldList.Indexing) {
        if first & 0x80 != 0 {
            let field = try self.entry(reader.integer(prefix: 7))
            return (field.name, field.value, .indexed)
        }
        let isKept = first & 0x40 != 0
        let index = try reader.integer(prefix: isKept ? 6 : 4)
        let name = try index == 0 ? reader.string() : self.entry(index).name
        let value = try reader.string()
        if isKept {
            self.table.insert(name, value)
            return (name, value, .indexed)
        }
        return (name, value, first & 0x10 != 0 ? .never : .literal)
    }

    private func entry(_ index: Int) throws(CompressionError) -> (name: [UInt8], value: [UInt8]) {
        if index > 0, index <= StaticTable.fields.count {
            return StaticTable.fields[index - 1]
        }
        guard let field = self.table[index - 1 - StaticTable.fields.count] else { throw CompressionError() }
        return field
    }
}

/// Reads the two kinds of things a block is made of; RFC 7541 section 5.
private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    var peek: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func byte() throws(CompressionError) -> UInt8 {
        guard let byte = self.peek else { throw CompressionError() }
        self.position += 1
        return byte
    }

    mutating func integer(prefix: Int) throws(CompressionError) -> Int {
        let mask = UInt8((1 << prefix) - 1)
        let start = try self.byte() & mask
        guard start == mask else {
            return Int(start)
        }
        var value = Int(mask)
        // Four more bytes reach far beyond every limit there is.
        for shift in stride(from: 0, through: 21, by: 7) {
            let next = try self.byte()
            value += Int(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
        }
        throw CompressionError()
    }

    mutating func string() throws(CompressionError) -> [UInt8] {
        guard let first = self.peek else { throw CompressionError() }
        let length = try self.integer(prefix: 7)
        guard length <= self.bytes.count - self.position else { throw CompressionError() }
        let raw = UnsafeRawBufferPointer(rebasing: self.bytes[self.position..<self.position + length])
        self.position += length
        guard first & 0x80 != 0 else {
            return Array(raw)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(length * 8 / 5)
        guard Huffman.decode(raw, into: &decoded) else { throw CompressionError() }
        return decoded
    }
}
