import KubernetesModel
import NetworkAddress

/// The proxy that environment variables ask for, by the rules of Go's HTTP client and so of kubectl:
/// `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of the server, `NO_PROXY` for exceptions, in capitals or not.
struct ProxyEnvironment {
    private let variables: [String: String]

    init(_ variables: [String: String]) { self.variables = variables }

    /// The proxy for a server; nil when it is reached directly.
    ///
    /// - Throws: ``KubernetesError`` of code `configuration` when the variable is no proxy's URL.
    func proxy(for server: ServerAddress) throws -> ProxyServer? {
        let name = server.isTLS ? "HTTPS_PROXY" : "HTTP_PROXY"
        // In a CGI program a client can set HTTP_PROXY, by the header "Proxy".
        if !server.isTLS, self.variables["REQUEST_METHOD"] != nil { return nil }
        guard let url = self.value(name), !self.isExcepted(server) else { return nil }
        do {
            return try ProxyServer(parsing: url.contains("://") ? url : "http://\(url)")
        } catch {
            throw KubernetesError(
                .configuration,
                "the environment variable \(name) \(error.message); or add \(server.host) to NO_PROXY"
            )
        }
    }

    private func value(_ name: String) -> String? {
        let values = [self.variables[name], self.variables[name.lowercased()]]
        return values.compactMap { $0 }.first { !$0.isEmpty }
    }

    private func isExcepted(_ server: ServerAddress) -> Bool {
        let address = IPAddress(server.host)
        if server.host == "localhost" || address?.isLoopback == true { return true }
        return (self.value("NO_PROXY") ?? "").split(separator: ",")
            .map { $0.filter { !$0.isWhitespace }.lowercased() }
            .contains { Self.matches($0, server, address) }
    }

    /// Whether an entry covers the server: `*`, an address, a network, a domain with those below it, `.domain` for those
    /// below it only; each but a network may end in a port.
    private static func matches(_ entry: String, _ server: ServerAddress, _ address: IPAddress?) -> Bool {
        if entry == "*" { return true }
        if let network = IPNetwork(entry) { return address.map(network.contains) ?? false }
        if let one = IPAddress(entry) { return one == address }
        var name = entry
        if let colon = entry.lastIndex(of: ":"), let port = Int(entry[entry.index(after: colon)...]) {
            guard port == server.port else { return false }
            name = String(entry[..<colon])
        }
        if let one = IPAddress(name.trimmingBrackets) { return one == address }
        if name.hasPrefix("*.") { name.removeFirst() }
        let host = server.host.lowercased()
        if name.hasPrefix(".") { return name.count > 1 && host.hasSuffix(name) }
        return !name.isEmpty && (host == name || host.hasSuffix("." + name))
    }
}

extension String {
    fileprivate var trimmingBrackets: String {
        self.hasPrefix("[") && self.hasSuffix("]") ? String(self.dropFirst().dropLast()) : self
    }
}
