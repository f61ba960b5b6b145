/// Writes field blocks; RFC 7541. One for each direction of a connection, whose blocks must be sent in order.
///
/// Each field is kept, or not kept, in the table as its sender wanted it; strings go without Huffman coding.
public struct HPACKEncoder: Sendable {
    private var table: DynamicTable
    /// A change of the table's size that the decoder has not been told.
    private var smallestSize: Int?

    /// An encoder with the table every decoder has.
    public init() {
        self.table = DynamicTable(capacity: HPACKDecoder.defaultTableSize)
    }

    /// Takes note of the decoder's SETTINGS_HEADER_TABLE_SIZE; of a larger table than the default no use is made.
    public mutating func setMaximumTableSize(_ size: UInt32) {
        let size = min(Int(size), HPACKDecoder.defaultTableSize)
        guard size != self.table.capacity || self.smallestSize != nil else {
            return
        }
        self.smallestSize = min(size, self.smallestSize ?? size)
        self.table.capacity = size
    }

    /// The block of `fields`.
    public mutating func encode(_ fields: FieldList) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(fields.storage.count + 4 * fields.entries.count)
        if let smallest = self.smallestSize {
            self.smallestSize = nil
            if smallest < self.table.capacity { output.appendInteger(smallest, prefix: 5, 0x20) }
            output.appendInteger(self.table.capacity, prefix: 5, 0x20)
        }
        for entry in fields.entries {
            let middle = entry.start + entry.nameLength
            self.encode(
                fields.storage[entry.start..<middle],
                fields.storage[middle..<middle + entry.valueLength],
                entry.indexing,
                &output
            )
        }
        return output
    }

    private mutating func encode(
        _ name: ArraySlice<UInt8>,
        _ value: ArraySlice<UInt8>,
        _ indexing: FieldList.Indexing,
        _ output: inout [UInt8]
    ) {
        let hash = FieldHash(name, value)
        let known = self.find(name, value, hash)
        if indexing != .never, let index = known.field {
            output.appendInteger(index, prefix: 7, 0x80)
            return
        }
        let index = known.name ?? known.field ?? 0
        switch indexing {
        case .indexed: output.appendInteger(index, prefix: 6, 0x40)
        case .literal: output.appendInteger(index, prefix: 4, 0x00)
        case .never: output.appendInteger(index, prefix: 4, 0x10)
        }
        if index == 0 { output.appendString(name) }
        output.appendString(value)
        if indexing == .indexed { self.table.insert(Array(name), Array(value), hash) }
    }

    /// The indices of the field and of its name, as they go over the wire.
    private func find(
        _ name: ArraySlice<UInt8>,
        _ value: ArraySlice<UInt8>,
        _ hash: FieldHash
    ) -> (field: Int?, name: Int?) {
        var named: Int?
        for (index, candidate) in StaticTable.hashes.enumerated() where candidate.name == hash.name {
            let field = StaticTable.fields[index]
            guard field.name.elementsEqual(name) else { continue }
            if field.value.elementsEqual(value) { return (index + 1, nil) }
            if named == nil { named = index + 1 }
        }
        let found = self.table.find(name, value, hash)
        let offset = StaticTable.fields.count + 1
        return (found.field.map { $0 + offset }, named ?? found.name.map { $0 + offset })
    }
}

extension [UInt8] {
    fileprivate mutating func appendInteger(_ value: Int, prefix: Int, _ pattern: UInt8) {
        let mask = (1 << prefix) - 1
        guard value >= mask else {
            self.append(pattern | UInt8(value))
            return
        }
        self.append(pattern | UInt8(mask))
        var rest = value - mask
        while rest >= 0x80 {
            self.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        self.append(UInt8(rest))
    }

    fileprivate mutating func appendString(_ bytes: ArraySlice<UInt8>) {
        self.appendInteger(bytes.count, prefix: 7, 0)
        self.append(contentsOf: bytes)
    }
}
