import TunnelTransport

/// How the local service is to be spoken to, as a developer says it.
public enum LocalSchemeChoice: Sendable, Hashable {
    /// The bytes as they came: HTTP/1.1, HTTP/2 without TLS, anything else.
    case http
    /// HTTP/2 without TLS, and nothing else.
    case h2c
    /// Inside TLS.
    ///
    /// `authority` is certificates in PEM, of which one has to have signed the local service's; nil to take any.
    case https(authority: [UInt8]?)

    /// - Throws: ``InterceptError`` with code `badArgument` where the authority holds no certificate.
    func scheme() throws -> LocalScheme {
        switch self {
        case .http: return .plain
        case .h2c: return .h2c
        case .https(let authority):
            do {
                return .tls(try LocalTLS(authority: authority))
            } catch {
                throw InterceptError(
                    .badArgument,
                    "--local-ca names a file without a usable certificate: it takes certificates in PEM, those that begin "
                        + "with -----BEGIN CERTIFICATE----- (\(error))"
                )
            }
        }
    }

    /// What a developer should know of the choice; nil when there is nothing.
    var notice: String? {
        guard case .https(nil) = self else { return nil }
        return
            "the local service's certificate is not verified, as it is this machine's own; --local-ca FILE verifies it"
    }
}

extension LocalScheme {
    /// What is said when a local port accepts connections and cannot be spoken to.
    func complaint(port: Int, _ why: String) -> String {
        let mend =
            switch self {
            case .plain: "is --local-scheme right?"
            case .h2c: "--local-scheme http passes requests on in the version they came in"
            case .tls(let tls) where tls.isVerified:
                "is it TLS that the port speaks, with a certificate that one in --local-ca has signed?"
            case .tls: "is it TLS that the port speaks? If not, leave --local-scheme out"
            }
        return
            "requests cannot be passed to port \(port) of this machine: \(why); the original answers meanwhile; \(mend)"
    }
}
