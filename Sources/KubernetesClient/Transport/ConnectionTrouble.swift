import AsyncHTTPClient
import HandshakeFault
import KubernetesModel
import NIOCore
import NIOPosix
import NIOSSL

/// Says in plain words why there is no connection.
enum ConnectionTrouble {
    /// The error that a failure below HTTP stands for.
    static func error(_ cause: any Error, server: String, request: KubernetesRequest?) -> KubernetesError {
        if let error = cause as? KubernetesError { return error }
        let code: KubernetesError.Code = Self.isTimeout(cause) ? .timeout : .unreachable
        let isBeforeSending = Self.isBeforeSending(cause)
        let trouble = isBeforeSending ? "cannot be reached" : "did not answer"
        var message = "the API server \(server) \(trouble): \(Self.describe(cause))"
        if isBeforeSending { message += Self.mend(cause).map { "; \($0)" } ?? "" }
        if let request, !request.isRepeatable, !isBeforeSending {
            message += "; whether it did what it was asked to is unknown"
        }
        return KubernetesError(code, message, request: request?.summary, cause: cause)
    }

    /// What to look at, as a question; nil where the cause says that itself.
    private static func mend(_ cause: any Error) -> String? {
        switch cause {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { Self.mend($0.error) }
                ?? "is it spelled as it should be, and is this machine in the right network (VPN)?"
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            "is it running, and is it the right one (--context, --kubeconfig)?"
        case is IOError, is ChannelError: "is this machine in the right network (VPN), or does it need a proxy?"
        case let error as HTTPClientError where error == .connectTimeout:
            "is this machine in the right network (VPN), or does it need a proxy?"
        case is NIOSSLError:
            switch HandshakeFault(cause) {
            case .unverified: "is that the kubeconfig's certificate-authority, or does something stand in between?"
            case .notTLS: "is its address in the kubeconfig right, or is it to begin with http:?"
            default: nil
            }
        default: nil
        }
    }

    /// Whether the failure came before the request can have been sent.
    private static func isBeforeSending(_ cause: any Error) -> Bool {
        switch cause {
        case is NIOConnectionError, is NIOSSLExtraError, is NIOSSLError: true
        case let error as IOError: error.errnoCode == ECONNREFUSED
        case let error as HTTPClientError:
            error == .connectTimeout || error == .tlsHandshakeTimeout || error == .getConnectionFromPoolTimeout
                || ProxyHandshake.complaint(error) != nil
        default: ProxyHandshake.complaint(cause) != nil
        }
    }

    private static func isTimeout(_ cause: any Error) -> Bool {
        switch cause {
        case let error as HTTPClientError:
            [.readTimeout, .connectTimeout, .tlsHandshakeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout]
                .contains(error)
        case ChannelError.connectTimeout: true
        case let error as NIOConnectionError:
            error.connectionErrors.contains { if case ChannelError.connectTimeout = $0.error { true } else { false } }
        default: false
        }
    }

    /// The cause in a few words.
    static func describe(_ cause: any Error) -> String {
        if let complaint = ProxyHandshake.complaint(cause) { return "the proxy \(complaint)" }
        switch cause {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                return Self.describe(first.error)
            }
            return "the name \(error.host) is not known"
        case let error as IOError:
            return Self.describe(errno: error.errnoCode) ?? "\(error)"
        case let error as ChannelError:
            if case .connectTimeout = error { return "no answer to the connection attempt" }
            return "the connection was closed"
        case let error as NIOSSLError:
            return Self.describe(error)
        case let error as NIOSSLExtraError:
            if error == .failedToValidateHostname {
                return "its certificate is for another name (tls-server-name in the kubeconfig can say which)"
            }
            return "its name and its certificate cannot be compared"
        case let error as HTTPClientError:
            return Self.describe(error)
        case let error as BoringSSLError:
            return "\(HandshakeFault(error))"
        default:
            return "\(cause)"
        }
    }

    private static func describe(_ error: NIOSSLError) -> String {
        switch (error, HandshakeFault(error)) {
        case (_, .unverified):
            "its certificate is not signed by the cluster's certificate-authority, or not valid today"
        case (_, let fault?): "\(fault)"
        case (.uncleanShutdown, _): "the connection was cut"
        default: "its certificate cannot be verified"
        }
    }

    private static func describe(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "no answer to the connection attempt"
        case .tlsHandshakeTimeout: "no answer in the TLS handshake"
        case .readTimeout, .deadlineExceeded: "no answer in time"
        case .remoteConnectionClosed: "the connection was closed before the answer"
        default: error.shortDescription
        }
    }

    private static func describe(errno: CInt) -> String? {
        // By name, because the numbers are those of one operating system.
        let known: [(CInt, String)] = [
            (ECONNREFUSED, "connection refused"), (ECONNRESET, "connection reset"), (ETIMEDOUT, "no answer"),
            (EHOSTUNREACH, "no route to the host"), (ENETUNREACH, "no route to the network"),
            (EPIPE, "the connection was closed"),
        ]
        return known.first { $0.0 == errno }?.1
    }
}
