import AsyncHTTPClient
import NIOCore
import NIOPosix

/// Why there is no connection to a registry, in a few words.
enum RegistryTrouble {
    /// The cause without the names that libraries have for it.
    static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            return error.connectionErrors.first.map { Self.words($0.error) } ?? "its name is not known"
        case let error as IOError:
            return error.errnoCode == ECONNREFUSED ? "connection refused" : "the connection failed"
        case let error as HTTPClientError: return error.shortDescription
        default:
            let text = "\(error)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") {
                return "its certificate is not signed by an authority that this machine trusts"
            }
            return text.contains("WRONG_VERSION_NUMBER") ? "it does not speak TLS" : "the connection failed"
        }
    }
}
