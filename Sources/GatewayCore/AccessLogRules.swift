/// Where the line of each request goes, and what it looks like.
public struct AccessLogRules: Hashable, Sendable {
    /// What a line looks like.
    public enum Format: String, Hashable, Sendable, CaseIterable {
        /// `key=value`, with quotes around what comes from clients.
        case text
        /// One JSON object, with the same keys.
        case json
    }

    /// A file, a named pipe, `/dev/stdout` or `/dev/stderr`.
    public var path: String
    /// What a line looks like.
    public var format: Format

    /// Rules from their parts.
    public init(path: String = "/dev/stdout", format: Format = .text) {
        self.path = path
        self.format = format
    }
}
