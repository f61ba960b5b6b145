/// Why a text or a list of conditions is not a usable match.
public struct MatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, for programs; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The stable word for this kind of error.
        public let rawValue: String

        /// A code from its word.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// `NAME:VALUE` without its colon.
        public static let missingColon = Code(rawValue: "missing-colon")
        /// Nothing before the colon.
        public static let emptyName = Code(rawValue: "empty-name")
        /// The name holds a character that no HTTP field name may hold.
        public static let invalidName = Code(rawValue: "invalid-name")
        /// Nothing, or only blanks, after the colon.
        public static let emptyValue = Code(rawValue: "empty-value")
        /// The value holds a control character.
        public static let invalidValue = Code(rawValue: "invalid-value")
        /// Conditions that no request can satisfy together.
        public static let contradiction = Code(rawValue: "contradiction")
        /// A regular expression that cannot be read, or not in linear time.
        public static let invalidPattern = Code(rawValue: "invalid-pattern")
        /// A match without any condition would take every request.
        public static let noConditions = Code(rawValue: "no-conditions")
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, where, and how to mend it, for people.
    public let message: String

    /// An error with its code and the sentence shown to people.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence shown to people.
    public var description: String {
        self.message
    }
}
