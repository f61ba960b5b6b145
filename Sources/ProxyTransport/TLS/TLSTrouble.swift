/// Why a Service's TLS cannot be spoken in its place; the message names what, where and the mend, and never a secret.
public struct TLSTrouble: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, for programs; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The stable word for this kind of trouble.
        public let rawValue: String

        /// A code from its word.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The Secret is not there, or holds no usable certificate and key.
        public static let secret = Code(rawValue: "secret")
        /// The original does not take connections.
        public static let unreachable = Code(rawValue: "unreachable")
        /// The original does not speak TLS, or not to us.
        public static let handshake = Code(rawValue: "handshake")
        /// The original is not who the Secret says it is.
        public static let unverified = Code(rawValue: "unverified")
        /// The original asks its clients for certificates of theirs.
        public static let clientCertificate = Code(rawValue: "client-certificate")
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, where, and how to mend it, for people.
    public let message: String

    /// A trouble.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { self.message }
}
