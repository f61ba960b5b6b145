/// What went wrong with a tunnel, one of its streams, or the way to it.
///
/// Codes are compared, messages are read: a message says what happened, where, and what mends it. No key, token or
/// certificate ever appears in one.
public struct TunnelError: Error, Sendable, Hashable {
    /// The kind of failure; new kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as logs and metrics show it.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// This end closed the tunnel on purpose.
        public static let closed = Self("closed")
        /// The peer said that it is ending the tunnel.
        public static let closedByPeer = Self("closed-by-peer")
        /// The connection under the tunnel broke, or the peer stopped answering.
        public static let lost = Self("lost")
        /// A newer tunnel of the same route took over.
        public static let superseded = Self("superseded")
        /// The peer broke the protocol.
        public static let protocolViolation = Self("protocol-violation")
        /// The TLS handshake failed, most often because a pinned key did not match.
        public static let handshakeFailed = Self("handshake-failed")
        /// The interceptor read the greeting and said no.
        public static let refused = Self("refused")
        /// The peer did not answer within the deadline.
        public static let timeout = Self("timeout")
        /// No more streams can be opened now.
        public static let tooManyStreams = Self("too-many-streams")
        /// The caller asked for something that cannot be, such as a socket path that is too long.
        public static let invalidArgument = Self("invalid-argument")
    }

    /// The kind of failure.
    public var code: Code
    /// What happened, where, and what mends it.
    public var message: String
    /// The failure below this one, as text; errors of other modules do not cross this layer.
    public var cause: String?

    /// An error of `code`.
    public init(_ code: Code, _ message: String, cause: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    static func violation(_ message: String) -> Self {
        .init(.protocolViolation, message)
    }
}

extension TunnelError: CustomStringConvertible {
    /// The code, the message and the cause on one line.
    public var description: String {
        "\(self.code): \(self.message)" + (self.cause.map { " (\($0))" } ?? "")
    }
}
