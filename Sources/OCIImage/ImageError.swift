/// Why an image could not be named, built, saved or pushed.
///
/// The message says what failed, where, and what to do about it; it never holds a password or a token.
public struct ImageError: Error, Sendable {
    /// What kind of failure this is.
    public var code: Code
    /// What failed, where, and the mend.
    public var message: String
    /// The failure underneath, if there was one.
    public var cause: (any Error)?

    /// A failure with its kind and its story.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The kinds of failure, open for new ones.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, as printed.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The text is no image name.
        public static let invalidReference = Code("invalid-reference")
        /// The program is not a 64-bit little-endian ELF file of Linux, or a damaged one.
        public static let notAnELFProgram = Code("not-an-elf-program")
        /// A shared library the program needs is not on this machine.
        public static let libraryNotFound = Code("library-not-found")
        /// A file could not be read or written.
        public static let file = Code("file")
        /// A path or a size that the tar format cannot carry.
        public static let tarLimit = Code("tar-limit")
        /// The credentials file is damaged or of a kind that is not supported.
        public static let credentials = Code("credentials")
        /// The registry does not accept these credentials, or wants some.
        public static let unauthorized = Code("unauthorized")
        /// The registry could not be reached.
        public static let unreachable = Code("registry-unreachable")
        /// The registry answered something that the distribution specification does not allow for.
        public static let registry = Code("registry-refused")
    }
}

extension ImageError: CustomStringConvertible {
    /// The message, followed by what caused it.
    public var description: String {
        guard let cause else { return self.message }
        return "\(self.message) (\(cause))"
    }
}
