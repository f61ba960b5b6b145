/// A whole response as comparisons see it: without its framing.
public struct HTTPResponse: Sendable, Hashable {
    /// One field line, the name as it was written and the value without blanks around it.
    public struct Field: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value.
        public var value: String

        /// A field by its parts.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The final status.
    public var status: Int
    /// The field lines in their order; those of a chunked body's trailers are not among them.
    public var fields: [Field]
    /// The body, its chunks joined; still in its content coding.
    public var body: [UInt8]

    /// A response by its parts.
    public init(status: Int, fields: [Field] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The values of a field in their order; the name in lower case.
    func values(of name: String) -> [String] {
        self.fields.filter { $0.name.lowercased() == name }.map(\.value)
    }
}
