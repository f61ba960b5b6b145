/// The address of an API server.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Whether it is reached by TLS.
    public var isTLS: Bool
    /// Name or address, without brackets.
    public var host: String
    /// Port.
    public var port: Int
    /// What stands before every path, such as `/k8s/clusters/c-1`; empty as a rule.
    public var basePath: String

    /// Reads `https://host:port/base`; nil when it is no such URL.
    public init?(_ url: String) {
        let isTLS: Bool
        var rest: Substring
        if url.hasPrefix("https://") {
            isTLS = true
            rest = url.dropFirst(8)
        } else if url.hasPrefix("http://") {
            isTLS = false
            rest = url.dropFirst(7)
        } else if !url.contains("://") {
            // As for kubectl, an address without a scheme is reached by TLS unless a port says otherwise.
            isTLS = true
            rest = url[...]
        } else {
            return nil
        }
        guard !rest.contains(where: { $0.isWhitespace || $0 == "?" || $0 == "#" || $0 == "@" }) else { return nil }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var basePath = rest[slash...]
        while basePath.last == "/" { basePath.removeLast() }
        rest = rest[..<slash]
        var portText: Substring?
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { return nil }
            let after = rest[rest.index(after: bracket)...]
            guard after.isEmpty || after.first == ":" else { return nil }
            portText = after.isEmpty ? nil : after.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<bracket]
        } else if let colon = rest.lastIndex(of: ":") {
            portText = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        guard !rest.isEmpty else { return nil }
        if let portText {
            guard let port = UInt16(portText), port > 0 else { return nil }
            self.port = Int(port)
        } else {
            self.port = isTLS ? 443 : 80
        }
        self.isTLS = isTLS
        self.host = String(rest)
        self.basePath = String(basePath)
    }

    /// An address by its parts.
    public init(host: String, port: Int, isTLS: Bool, basePath: String = "") {
        self.host = host
        self.port = port
        self.isTLS = isTLS
        self.basePath = basePath
    }

    /// Host and port as they stand in a URL and a `Host` header.
    var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(host):\(self.port)"
    }

    /// The URL.
    public var description: String {
        "\(self.isTLS ? "https" : "http")://\(self.authority)\(self.basePath)"
    }
}
