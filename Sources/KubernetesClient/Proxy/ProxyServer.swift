import Foundation

/// A server that connections to the API server go through (`proxy-url`, `HTTPS_PROXY`).
public struct ProxyServer: Sendable, Hashable {
    /// How a proxy is asked for a connection.
    public enum Kind: Sendable, Hashable {
        /// By CONNECT (RFC 9110 section 9.3.6), with a login where it wants one.
        case http(Login?)
        /// By SOCKS version 5 (RFC 1928), without a login. The proxy resolves the name.
        case socks5
    }

    /// How it is asked.
    public var kind: Kind
    /// Name or address, without brackets.
    public var host: String
    /// Port.
    public var port: Int

    /// A proxy by its parts.
    public init(kind: Kind, host: String, port: Int) {
        self.kind = kind
        self.host = host
        self.port = port
    }

    /// A URL that is no usable proxy; says why without quoting what may be a password.
    struct Fault: Error, Hashable {
        var message: String
    }

    /// Reads `http://user:password@host:port` or `socks5://host:port`; the port is 80 or 1080 when it is not named.
    init(parsing url: String) throws(Fault) {
        guard let separator = url.firstRange(of: "://") else {
            throw Fault(message: "has no scheme: write http://host:port or socks5://host:port")
        }
        let scheme = url[..<separator.lowerBound].lowercased()
        var rest = url[separator.upperBound...]
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        var login: Login?
        if let at = rest.lastIndex(of: "@") {
            login = Self.login(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        guard ["http", "socks5", "socks5h"].contains(scheme) else {
            let isHTTPS = scheme == "https"
            throw Fault(
                message: isHTTPS
                    ? "asks for TLS to the proxy itself, which is not supported: use its http:// address"
                    : "has the scheme \"\(scheme.prefix(20))\"; http and socks5 are supported"
            )
        }
        let isSOCKS = scheme != "http"
        // The address as such is that of any URL; only the default ports differ.
        let hasPort = rest.last != "]" && rest.lastIndex(of: ":") != nil
        guard let address = ServerAddress("http://\(rest)\(hasPort ? "" : isSOCKS ? ":1080" : "")") else {
            throw Fault(message: "is no URL of a host and a port")
        }
        guard !isSOCKS || login == nil else {
            throw Fault(message: "has a login, which is not supported for SOCKS: use a proxy that asks for none")
        }
        self.init(kind: isSOCKS ? .socks5 : .http(login), host: address.host, port: address.port)
    }

    private static func login(_ userInfo: Substring) -> Login? {
        let parts = userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.map { String($0).removingPercentEncoding ?? String($0) }
        guard let username = decoded.first else { return nil }
        return Login(username: username, password: decoded.count > 1 ? decoded[1] : "")
    }
}

extension ProxyServer: CustomStringConvertible {
    /// The URL without the login.
    public var description: String {
        let address = ServerAddress(host: self.host, port: self.port, isTLS: false)
        return "\(self.kind == .socks5 ? "socks5" : "http")://\(address.authority)"
    }
}
