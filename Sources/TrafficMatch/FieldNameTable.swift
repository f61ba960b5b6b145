/// How many requests carried a field of each name: bounded, and free of allocations once the names are known.
struct FieldNameTable: Sendable {
    /// The most names that are told apart.
    static let capacity = 64
    /// The longest name that is kept, in bytes.
    static let longestName = 64

    private struct Entry: Sendable {
        let name: [UInt8]
        var requests: Int
        /// The number of the latest request that was counted: a field line that is repeated counts once.
        var latest: Int
    }

    private var entries: [Entry] = []
    /// Positions in `entries`, from 1, by hash; 0 where nothing is. Never more than a quarter full.
    private var slots = [UInt8](repeating: 0, count: 4 * capacity)
    /// Whether there were names that found no place.
    private(set) var isIncomplete = false

    /// The names in lower case, and how many requests carried each.
    var counts: [String: Int] {
        Dictionary(
            self.entries.map { (String(decoding: $0.name, as: UTF8.self), $0.requests) },
            uniquingKeysWith: +
        )
    }

    /// Counts a name for the request of this number.
    mutating func note(_ name: UnsafeRawBufferPointer, request: Int) {
        var slot = Self.hash(name)
        while true {
            slot %= self.slots.count
            let position = Int(self.slots[slot]) - 1
            guard position >= 0 else { return self.add(name, slot, request) }
            if name.isName(self.entries[position].name) {
                if self.entries[position].latest != request {
                    self.entries[position].latest = request
                    self.entries[position].requests += 1
                }
                return
            }
            slot += 1
        }
    }

    private mutating func add(_ name: UnsafeRawBufferPointer, _ slot: Int, _ request: Int) {
        guard self.entries.count < Self.capacity, name.count <= Self.longestName,
            name.allSatisfy(\.isFieldNameCharacter)
        else {
            self.isIncomplete = true
            return
        }
        self.entries.append(Entry(name: name.map(\.lowercased), requests: 1, latest: request))
        self.slots[slot] = UInt8(self.entries.count)
    }

    /// FNV-1a of the name in lower case.
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hash: UInt32 = 0x811c_9dc5
        for byte in name { hash = (hash ^ UInt32(byte.lowercased)) &* 0x0100_0193 }
        return Int(hash)
    }
}
