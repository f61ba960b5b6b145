/// Why an intercept could not start or go on; the message names what, where and the mend.
public struct InterceptError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure this is. Open: later versions may add codes.
    public struct Code: Sendable, Hashable {
        /// The code's name as it is printed.
        public let name: String

        /// A flag's value cannot be read.
        public static let badArgument = Code(name: "bad-argument")
        /// There is no such Service or namespace.
        public static let noSuchService = Code(name: "no-such-service")
        /// The user may not do what an intercept needs.
        public static let forbidden = Code(name: "forbidden")
        /// The interceptor's image cannot be pulled.
        public static let imagePull = Code(name: "image-pull")
        /// The interceptor did not become ready in time.
        public static let notReady = Code(name: "not-ready")
        /// The original does not answer through the decoy.
        public static let originalUnreachable = Code(name: "original-unreachable")
        /// The command that is the local service cannot be started, or ended too early.
        public static let commandFailed = Code(name: "command-failed")
        /// The Service has no Pod.
        public static let noWorkload = Code(name: "no-workload")
        /// The Service has a Session of each kind.
        public static let twoSessions = Code(name: "two-sessions")
        /// The intercept was ended by someone else.
        public static let ended = Code(name: "ended")
    }

    /// The kind of failure.
    public var code: Code
    /// What, where, and the mend.
    public var message: String

    /// A failure.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { self.message }
}
