/// A whole response as comparisons see it: without its framing.
public struct HTTPResponse: Sendable, Hashable {
    /// One field line, the name as it was written and the value without blanks around it.
    public struct Field: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value's bytes, in whatever encoding they are (RFC 9110 section 5.5): by these it is compared.
        public var bytes: [UInt8]
        /// The value as text.
        public var value: String { String(decoding: self.bytes, as: UTF8.self) }
        /// The value as it may be printed: what lets its holder in is left out, for what is printed may be kept by others.
        var shown: String {
            let name = self.name.lowercased()
            if name == "set-cookie" {
                // The cookie's name and attributes stay (RFC 6265 section 4.1.1).
                let text = self.value
                let cookie = text.prefix { $0 != ";" }
                let label = cookie.firstIndex(of: "=").map { cookie[...$0] } ?? ""
                return "\(label)…\(text[cookie.endIndex...])"
            }
            return ["authorization", "token", "secret", "api-key"].contains(where: name.contains) ? "…" : self.value
        }

        /// A field by its parts.
        public init(_ name: String, bytes: some Sequence<UInt8>) {
            self.name = name
            self.bytes = Array(bytes)
        }

        /// A field whose value is text.
        public init(_ name: String, _ value: String) {
            self.init(name, bytes: value.utf8)
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

    /// The fields of a name in their order; the name in lower case.
    func fields(of name: String) -> [Field] {
        self.fields.filter { $0.name.lowercased() == name }
    }

    /// The values of a field in their order; the name in lower case.
    func values(of name: String) -> [String] { self.fields(of: name).map(\.value) }
}
