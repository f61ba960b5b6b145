/// A request as somebody typed it, or a decoder hands it over: values of its own, no borrowed bytes.
public struct RequestSample: Hashable, Sendable {
    /// The method.
    public var method: String
    /// The request target or `:path`.
    public var target: String
    /// The field lines in their order.
    public var fields: [Field]

    /// One field line.
    public struct Field: Hashable, Sendable {
        /// The name.
        public var name: String
        /// The value.
        public var value: String

        /// A field line by its two halves.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A request by its parts.
    public init(method: String = "GET", target: String = "/", fields: [Field] = []) {
        self.method = method
        self.target = target
        self.fields = fields
    }

    /// Calls `body` with what conditions look at.
    public func withRequestView<Value>(_ body: (any RequestView) -> Value) -> Value {
        var bytes: [UInt8] = []
        func append(_ text: String) -> Range<Int> {
            let start = bytes.count
            bytes.append(contentsOf: text.utf8)
            return start..<bytes.count
        }
        let method = append(self.method)
        let target = append(self.target)
        let fields = self.fields.map { (append($0.name), append($0.value)) }
        return bytes.withUnsafeBytes {
            body(View(bytes: $0, methodRange: method, targetRange: target, fields: fields))
        }
    }

    /// Whether the request satisfies every condition of `match`.
    public func satisfies(_ match: RequestMatch) -> Bool {
        self.withRequestView { match.isSatisfied(by: $0) }
    }

    private struct View: RequestView {
        let bytes: UnsafeRawBufferPointer
        let methodRange: Range<Int>
        let targetRange: Range<Int>
        let fields: [(name: Range<Int>, value: Range<Int>)]

        var method: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self.bytes[self.methodRange]) }
        var target: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self.bytes[self.targetRange]) }

        func forEachField(_ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) {
            for field in self.fields {
                let name = UnsafeRawBufferPointer(rebasing: self.bytes[field.name])
                guard visit(name, UnsafeRawBufferPointer(rebasing: self.bytes[field.value])) else { return }
            }
        }
    }
}
