import Foundation
public import TrafficMatch

/// The request that a curl command would send, as far as routes look at it. See curl(1).
public struct CurlLine: Sendable, Hashable {
    /// The request; `Host`, `User-Agent` and `Accept` as curl adds them.
    public var request: RequestSample
    /// The URL's port.
    public var port: Int
    /// The URL's host.
    public var host: String

    private static let ignored: Set<String> = [
        "-s", "--silent", "-S", "--show-error", "-v", "--verbose", "-i", "--include", "-k", "--insecure", "-L",
        "--location",
        "-f", "--fail", "--compressed", "-N", "--no-buffer", "-g", "--globoff", "-4", "--ipv4", "-6", "--ipv6",
        "--http1.1",
        "-#", "--progress-bar", "--http2", "--http2-prior-knowledge", "-O", "--remote-name", "--path-as-is",
        "--http1.0",
    ]
    private static let ignoredWithValue: Set<String> = [
        "-o", "--output", "-m", "--max-time", "-w", "--write-out", "--connect-timeout", "--retry", "--resolve",
        "--noproxy",
        "-x", "--proxy", "--cacert", "-E", "--cert", "--key", "-c", "--cookie-jar", "--connect-to", "--unix-socket",
        "--interface", "--limit-rate", "-K", "--config",
    ]

    /// Reads a command by its words, `curl` first.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument` naming the option that is not understood.
    public init(_ words: [String]) throws {
        guard let program = words.first, program == "curl" || program.hasSuffix("/curl") else {
            throw InterceptError(
                .badArgument,
                "the command must be a curl command, as in: -- curl -H 'a: b' http://leaf/"
            )
        }
        var parser = Parser(rest: words.dropFirst())
        while let word = parser.rest.popFirst() { try parser.take(word) }
        (self.request, self.host, self.port) = try parser.finished()
    }

    private struct Parser {
        var rest: ArraySlice<String>
        private var method: String?
        private var fields: [RequestSample.Field] = []
        private var removed: Set<String> = []
        private var data: [String] = []
        private var hasBody = false
        private var isGet = false
        private var url: String?

        init(rest: ArraySlice<String>) { self.rest = rest }

        mutating func take(_ word: String) throws {
            guard word.hasPrefix("-"), word.count > 1 else { return try self.apply("--url", word) }
            if word.hasPrefix("--") {
                try self.apply(word, CurlLine.takesValue(word) ? self.value(of: word) : "")
                return
            }
            // Short options may stand together, and the last one's value right behind it.
            var letters = word.dropFirst()
            while let letter = letters.popFirst() {
                let name = "-\(letter)"
                guard CurlLine.takesValue(name) else {
                    try self.apply(name, "")
                    continue
                }
                try self.apply(name, letters.isEmpty ? self.value(of: name) : String(letters))
                return
            }
        }

        private mutating func value(of option: String) throws -> String {
            guard let value = self.rest.popFirst() else { throw Self.wrong("\(option) has no value") }
            return value
        }

        private mutating func apply(_ option: String, _ value: String) throws {
            switch option {
            case "--url":
                guard self.url == nil else { throw Self.wrong("it has two URLs, '\(self.url ?? "")' and '\(value)'") }
                self.url = value
            case "-X", "--request": self.method = value
            case "-H", "--header": try self.header(value)
            case "-b", "--cookie":
                guard value.contains("=") else { throw Self.wrong("cookies from a file are not read; give NAME=VALUE") }
                self.fields.append(.init("Cookie", value))
            case "-A", "--user-agent": self.set("User-Agent", value)
            case "-e", "--referer": self.set("Referer", value)
            case "-u", "--user": self.set("Authorization", "Basic \(Data(value.utf8).base64EncodedString())")
            case "--oauth2-bearer": self.set("Authorization", "Bearer \(value)")
            case "-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode":
                self.data.append(value)
            case "--json":
                self.data.append(value)
                self.set("Content-Type", "application/json")
                self.set("Accept", "application/json")
            case "-F", "--form", "-T", "--upload-file":
                self.hasBody = true
                if option == "-T" || option == "--upload-file" { self.method = self.method ?? "PUT" }
            case "-G", "--get": self.isGet = true
            case "-I", "--head": self.method = self.method ?? "HEAD"
            default:
                guard CurlLine.ignored.contains(option) || CurlLine.ignoredWithValue.contains(option) else {
                    throw Self.wrong(
                        "the option \(option) is not understood; leave it out if no route looks at what it does"
                    )
                }
            }
        }

        /// `NAME: VALUE`, `NAME;` for an empty value, or `NAME:` to leave the field out.
        private mutating func header(_ text: String) throws {
            if let colon = text.firstIndex(of: ":") {
                let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                let name = String(text[..<colon])
                if value.isEmpty {
                    self.removed.insert(name.lowercased())
                } else {
                    self.fields.append(.init(name, value))
                }
            } else if text.hasSuffix(";") {
                self.fields.append(.init(String(text.dropLast()), ""))
            } else {
                throw Self.wrong("-H takes 'NAME: VALUE', not '\(text)'")
            }
        }

        private mutating func set(_ name: String, _ value: String) {
            self.fields.removeAll { $0.name.lowercased() == name.lowercased() }
            self.fields.append(.init(name, value))
        }

        func finished() throws -> (RequestSample, host: String, port: Int) {
            guard let url = self.url else { throw Self.wrong("it has no URL") }
            guard let parts = URLComponents(string: url.contains("://") ? url : "http://\(url)"), let host = parts.host,
                !host.isEmpty, let scheme = parts.scheme, ["http", "https"].contains(scheme)
            else { throw Self.wrong("'\(url)' is no http or https URL") }
            var target = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
            let queries = [parts.percentEncodedQuery].compactMap(\.self) + (self.isGet ? self.data : [])
            if !queries.isEmpty { target += "?" + queries.joined(separator: "&") }
            let sends = self.hasBody || (!self.data.isEmpty && !self.isGet)
            let port = parts.port ?? (scheme == "https" ? 443 : 80)
            var fields = [
                RequestSample.Field("Host", parts.port.map { "\(host):\($0)" } ?? host), .init("User-Agent", "curl"),
                .init("Accept", "*/*"),
            ]
            fields.removeAll { field in
                self.removed.contains(field.name.lowercased())
                    || self.fields.contains { $0.name.lowercased() == field.name.lowercased() }
            }
            let request = RequestSample(
                method: self.method ?? (sends ? "POST" : "GET"),
                target: target,
                fields: fields + self.fields
            )
            return (request, host, port)
        }

        private static func wrong(_ what: String) -> InterceptError {
            InterceptError(.badArgument, "the curl command cannot be explained: \(what)")
        }
    }

    private static let valued: Set<String> = [
        "--url", "-X", "--request", "-H", "--header", "-b", "--cookie", "-A", "--user-agent", "-e", "--referer", "-u",
        "--user", "--oauth2-bearer", "-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode",
        "--json", "-F", "--form", "-T", "--upload-file",
    ]

    private static func takesValue(_ option: String) -> Bool {
        Self.valued.contains(option) || Self.ignoredWithValue.contains(option)
    }
}
