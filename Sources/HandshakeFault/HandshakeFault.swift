import Foundation
import NIOCore
public import NIOSSL

/// Why there is no TLS with the other end, as the TLS library saw it.
///
/// The library's own description names the files of its build, and no mend.
public enum HandshakeFault: Sendable, Hashable, CustomStringConvertible {
    /// Nobody who is trusted has signed its certificate, or it is not valid today.
    case unverified
    /// What it sent is not TLS.
    case notTLS
    /// It went away in the middle, without a word.
    case ended
    /// Anything else, in the library's words where it has some, as in `tlsv1 alert protocol version`.
    case refused(String?)

    /// Reads what has ended a connection before its handshake was done; nil for what has nothing to do with that.
    public init?(_ error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(let inner): self.init(inner)
        case let error as IOError where error.errnoCode == ECONNRESET: self = .ended
        default: return nil
        }
    }

    private static let signsOfPlainText: Set = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"]

    /// Reads what the library said of a handshake.
    public init(_ error: BoringSSLError) {
        // The library tells its reasons apart in its text only; where it has several, the first is where it began.
        let text = "\(error)"
        let reasons = text.matches(of: #/OPENSSL_internal:([A-Z0-9_]+)/#).map { String($0.1) }
        if reasons.contains("CERTIFICATE_VERIFY_FAILED") {
            self = .unverified
        } else if !Self.signsOfPlainText.isDisjoint(with: reasons) {
            self = .notTLS
        } else if let reason = reasons.first {
            self = .refused(reason.lowercased().replacing("_", with: " "))
        } else {
            self = text.contains("EOF during handshake") ? .ended : .refused(nil)
        }
    }

    /// What is said of it: a sentence about the other end, without its beginning.
    public var description: String {
        switch self {
        case .unverified: "its certificate is not signed by one that is trusted here, or not valid today"
        case .notTLS: "it does not speak TLS"
        case .ended: "it ended the connection in the TLS handshake"
        case .refused(let reason?): "the TLS handshake failed: \(reason)"
        case .refused(nil): "the TLS handshake failed"
        }
    }
}
