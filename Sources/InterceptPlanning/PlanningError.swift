/// Why an intercept cannot be planned; the message names what, where and the mend.
public struct PlanningError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of refusal this is. Open: later versions may add codes.
    public struct Code: Sendable, Hashable {
        /// The code's name as it is printed.
        public let name: String

        /// The Service cannot be intercepted at all (headless, ExternalName, no selector, not TCP).
        public static let unsupportedService = Code(name: "unsupported-service")
        /// The port asked for is not one of the Service's.
        public static let noSuchPort = Code(name: "no-such-port")
        /// Another developer's route takes requests that this one would take too.
        public static let matchTaken = Code(name: "match-taken")
        /// The interceptor runs with another setting than is asked for.
        public static let otherSetting = Code(name: "other-setting")
        /// The Session is closing; wait for its end and start anew.
        public static let closing = Code(name: "closing")
        /// The Session's object lacks a field.
        public static let malformedSession = Code(name: "malformed-session")
        /// The Service is hijacked already, and not by a Session that exists.
        public static let alreadyHijacked = Code(name: "already-hijacked")
    }

    /// The kind of refusal.
    public var code: Code
    /// What, where, and the mend.
    public var message: String

    /// A refusal.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { self.message }

    static func malformedSession(_ name: String, field: String) -> PlanningError {
        PlanningError(
            .malformedSession,
            "session \(name) has no usable \(field); was it edited by hand? "
                + "`detour session close --force` restores the Service from what is left of it"
        )
    }
}
