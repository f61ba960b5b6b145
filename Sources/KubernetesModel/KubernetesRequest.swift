/// One request to the API server as a value: what is asked, not how it is sent.
public struct KubernetesRequest: Sendable, Hashable {
    /// The HTTP methods the API uses.
    public enum Method: String, Sendable, Hashable {
        /// Reads; repeating it is harmless.
        case get = "GET"
        /// Creates, or asks a review.
        case post = "POST"
        /// Changes.
        case patch = "PATCH"
        /// Deletes.
        case delete = "DELETE"
    }

    /// One query parameter, unescaped.
    public struct QueryItem: Sendable, Hashable {
        /// The parameter's name.
        public var name: String
        /// The parameter's value.
        public var value: String

        /// A parameter.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The method.
    public var method: Method
    /// The path's segments, unescaped.
    public var segments: [String]
    /// The query, in order.
    public var query: [QueryItem]
    /// The body, canonical JSON in every case.
    public var body: JSONValue?
    /// What the body is; `application/json` unless it is a patch.
    public var contentType: String
    /// Which forms of the answer are understood, the best one first; JSON as a rule.
    public var accept: String
    /// Whether sending it twice is as good as once: reads, and reviews that change nothing.
    public var isRepeatable: Bool
    /// Whether the answer is an endless stream rather than one document.
    public var isStream: Bool

    /// A request by its parts.
    public init(
        _ method: Method,
        _ segments: [String],
        query: [QueryItem] = [],
        body: JSONValue? = nil,
        contentType: String = "application/json"
    ) {
        self.method = method
        self.segments = segments
        self.query = query
        self.body = body
        self.contentType = contentType
        self.accept = "application/json"
        self.isRepeatable = method == .get
        self.isStream = false
    }

    /// The escaped path without the query: what error messages name.
    public var path: String {
        self.segments.map { "/" + PercentEncoding.encode($0) }.joined()
    }

    /// The escaped path and query: the request target.
    public var target: String {
        guard !self.query.isEmpty else { return self.path }
        let pairs = self.query.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }
        return self.path + "?" + pairs.joined(separator: "&")
    }

    /// The method and path in one line; neither query nor body, so that it may be logged.
    public var summary: String { "\(self.method.rawValue) \(self.path)" }
}

/// Percent-encoding of one path segment or query component.
enum PercentEncoding {
    /// Everything but RFC 3986's unreserved characters is escaped, so that no name can change a request's shape.
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(Self.digits[Int(byte >> 4)])
                output.append(Self.digits[Int(byte & 15)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)
}
