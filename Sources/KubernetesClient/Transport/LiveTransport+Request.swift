import AsyncHTTPClient
import KubernetesModel
import NIOHTTP1
import NetworkAddress

extension LiveTransport {
    /// The URL of a request. With a TLS server name the URL carries that name and the pool dials the host behind it.
    func url(_ request: KubernetesRequest) -> String {
        var server = self.connection.server
        server.host = self.connection.tlsName ?? server.host
        return server.description + request.target
    }

    /// The headers every request has.
    ///
    /// - Throws: ``KubernetesError`` of code `configuration` when a value cannot stand in a header.
    func headers(_ credential: Credential) throws -> HTTPHeaders {
        var headers: HTTPHeaders = ["Host": self.connection.server.authority, "User-Agent": "detour"]
        if let token = credential.token {
            guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw KubernetesError(
                    .configuration,
                    "the token of \(self.peer.user) has characters that no token has: get a new one"
                )
            }
            headers.add(name: "Authorization", value: "Bearer \(token)")
        } else if let login = credential.login {
            headers.add(name: "Authorization", value: login.authorization)
        }
        for (name, value) in self.connection.impersonation?.headers ?? [] {
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                throw KubernetesError(
                    .configuration,
                    "what \(self.peer.user) is to be impersonated as has control characters: correct \"as\" and its kin"
                )
            }
            headers.add(name: name, value: value)
        }
        return headers
    }
}

extension ClusterConnection {
    /// The name that the server is to be asked for by TLS in place of its host. Addresses are none: `ServerIdentity`.
    var tlsName: String? { self.tlsServerName.flatMap { IPAddress($0) == nil ? $0 : nil } }
}

extension Impersonation {
    /// The headers that the API server reads, one for each value.
    var headers: [(name: String, value: String)] {
        var headers = [(name: "Impersonate-User", value: self.user)]
        if let uid = self.uid { headers.append(("Impersonate-Uid", uid)) }
        headers += self.groups.map { ("Impersonate-Group", $0) }
        for (key, values) in self.extra.sorted(by: { $0.key < $1.key }) {
            let name = "Impersonate-Extra-" + Self.escape(key.lowercased())
            headers += values.map { (name, $0) }
        }
        return headers
    }

    /// What cannot stand in a header's name (RFC 9110 section 5.6.2), and the sign of escaping itself, as `%` and two digits.
    private static func escape(_ key: String) -> String {
        key.utf8.map { byte in
            let isLegal =
                (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || "!#$&'*+-.^_`|~".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isLegal ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
        }
        .joined()
    }
}

extension ProxyServer {
    /// The same proxy for AsyncHTTPClient.
    var configuration: HTTPClient.Configuration.Proxy {
        switch self.kind {
        case .http(let login):
            .server(
                host: self.host,
                port: self.port,
                authorization: login.map { .basic(username: $0.username, password: $0.password) }
            )
        case .socks5: .socksServer(host: self.host, port: self.port)
        }
    }
}
