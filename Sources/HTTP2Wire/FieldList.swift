/// The fields of one block, in order and byte for byte as they came, pseudo-header fields among them.
///
/// All names and values lie one behind the other in one array. They are bytes: a value may hold any but NUL, CR and LF.
public struct FieldList: Hashable, Sendable {
    /// How the sender wants a field kept by those who pass it on; RFC 7541 section 6.2.
    public enum Indexing: UInt8, Hashable, Sendable {
        /// In the dynamic table, or already there.
        case indexed
        /// Not worth a place in the table.
        case literal
        /// In no table, ever: a secret.
        case never
    }

    struct Entry: Hashable, Sendable {
        let start: Int
        let nameLength: Int
        let valueLength: Int
        let indexing: Indexing
    }

    var storage: [UInt8] = []
    var entries: [Entry] = []

    /// A list without fields.
    public init() {}

    /// How many fields there are.
    public var count: Int {
        self.entries.count
    }

    /// The size that MAX_HEADER_LIST_SIZE limits: 32 bytes a field, and its name and value.
    public var size: Int {
        self.storage.count + 32 * self.entries.count
    }

    /// Adds a field of text.
    public mutating func append(_ name: String, _ value: String, _ indexing: Indexing = .indexed) {
        self.append(Array(name.utf8), Array(value.utf8), indexing)
    }

    /// Adds the fields of another list, in their order.
    public mutating func append(contentsOf fields: FieldList) {
        for entry in fields.entries {
            let middle = entry.start + entry.nameLength
            self.append(
                fields.storage[entry.start..<middle],
                fields.storage[middle..<middle + entry.valueLength],
                entry.indexing
            )
        }
    }

    mutating func append(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>, _ indexing: Indexing) {
        let start = self.storage.count
        self.storage.append(contentsOf: name)
        self.storage.append(contentsOf: value)
        self.entries.append(
            Entry(start: start, nameLength: name.count, valueLength: value.count, indexing: indexing)
        )
    }

    /// The bytes of a list, borrowed for the length of a call.
    public struct View {
        let raw: UnsafeRawBufferPointer
        let entries: [Entry]

        /// Calls `body` with each field's name and value until it answers `false`.
        public func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool) {
            for entry in self.entries {
                let middle = entry.start + entry.nameLength
                let name = UnsafeRawBufferPointer(rebasing: self.raw[entry.start..<middle])
                let value = UnsafeRawBufferPointer(rebasing: self.raw[middle..<middle + entry.valueLength])
                guard body(name, value) else {
                    return
                }
            }
        }
    }

    /// Calls `body` with a view of the fields, which is valid during the call only.
    public func withView<Value>(_ body: (View) -> Value) -> Value {
        self.storage.withUnsafeBytes { body(View(raw: $0, entries: self.entries)) }
    }

    /// Calls `body` with each field's name and value, which are valid during the call only, until it answers `false`.
    public func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool) {
        self.withView { $0.forEach(body) }
    }

    /// The value of the first field called `name`, which is in lower case.
    public func first(_ name: StaticString) -> [UInt8]? {
        var found: [UInt8]?
        self.forEach { candidate, value in
            guard candidate.matches(name) else {
                return true
            }
            found = Array(value)
            return false
        }
        return found
    }

    /// The value of `:status` as a number; nil when there is none of three digits.
    public var status: Int? {
        guard let digits = self.first(":status"), digits.count == 3 else {
            return nil
        }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

extension FieldList: ExpressibleByDictionaryLiteral {
    /// A list of fields that may all be indexed, in the order they are written in.
    public init(dictionaryLiteral fields: (String, String)...) {
        for (name, value) in fields { self.append(name, value) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes are those of `text`.
    @inline(__always)
    func matches(_ text: StaticString) -> Bool {
        self.count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { self.elementsEqual($0) }
    }
}
