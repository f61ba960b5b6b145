/// The fields both ends know from the start; RFC 7541 appendix A.
enum StaticTable {
    static let fields: [(name: [UInt8], value: [UInt8])] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
        ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
        ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
        ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
        ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    static let hashes = Self.fields.map { FieldHash($0.name, $0.value) }
}

/// Two numbers that fields are found by without comparing their bytes.
struct FieldHash: Hashable, Sendable {
    let name: UInt32
    let field: UInt32

    init(_ name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        self.name = hash
        hash = (hash ^ 0x100) &* 16_777_619
        for byte in value { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        self.field = hash
    }
}

/// The fields an encoder and its decoder remember, newest first; RFC 7541 section 2.3.2.
struct DynamicTable: Sendable {
    private struct Slot: Sendable {
        let name: [UInt8]
        let value: [UInt8]
        let hash: FieldHash?
        var size: Int { self.name.count + self.value.count + 32 }
    }

    /// Oldest first; those before `head` are gone.
    private var slots: [Slot] = []
    private var head = 0
    private(set) var size = 0
    /// The most that `size` may be.
    var capacity: Int {
        didSet { self.evict(for: 0) }
    }

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int {
        self.slots.count - self.head
    }

    /// The field at `index`, 0 being the newest.
    subscript(index: Int) -> (name: [UInt8], value: [UInt8])? {
        guard index >= 0, index < self.count else {
            return nil
        }
        let slot = self.slots[self.slots.count - 1 - index]
        return (slot.name, slot.value)
    }

    /// Adds a field; one larger than the table empties it. Only with a hash will `find` see it.
    mutating func insert(_ name: [UInt8], _ value: [UInt8], _ hash: FieldHash? = nil) {
        let slot = Slot(name: name, value: value, hash: hash)
        self.evict(for: slot.size)
        guard slot.size <= self.capacity else {
            return
        }
        self.slots.append(slot)
        self.size += slot.size
    }

    private mutating func evict(for wanted: Int) {
        while self.size + wanted > self.capacity, self.head < self.slots.count {
            self.size -= self.slots[self.head].size
            self.head += 1
        }
        if self.head > 64, self.head * 2 > self.slots.count {
            self.slots.removeFirst(self.head)
            self.head = 0
        }
    }

    /// Where the field is, and where one of its name is; both counted from the newest.
    func find(_ name: Slice, _ value: Slice, _ hash: FieldHash) -> (field: Int?, name: Int?) {
        var named: Int?
        var index = self.slots.count - 1
        while index >= self.head {
            let slot = self.slots[index]
            if slot.hash?.name == hash.name, slot.name.elementsEqual(name) {
                if slot.hash?.field == hash.field, slot.value.elementsEqual(value) {
                    return (self.slots.count - 1 - index, nil)
                }
                if named == nil { named = self.slots.count - 1 - index }
            }
            index -= 1
        }
        return (nil, named)
    }

    typealias Slice = ArraySlice<UInt8>
}
