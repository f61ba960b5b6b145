/// What a listener proves itself with, over TLS.
public struct TLSRules: Hashable, Sendable {
    /// A file, and what it held when it was read. Descriptions and reflections show where it is only: it may be a key.
    public struct File: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// Where it is.
        public let path: String
        /// What it holds.
        public let bytes: [UInt8]

        /// A file that has been read.
        public init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }

        /// Where it is.
        public var description: String { self.path }
        /// Nothing of what it holds.
        public var customMirror: Mirror { Mirror(self, children: ["path": self.path]) }
    }

    /// The certificate, and those after it up to a root, in PEM.
    public var certificate: File
    /// Its key, in PEM.
    public var key: File
    /// Who may have signed the certificates that clients must show, in PEM; nil where they need none.
    public var clientAuthority: File?
    /// Whether only TLS 1.3 is spoken, not 1.2.
    public var isModern: Bool

    /// What a listener proves itself with.
    public init(certificate: File, key: File, clientAuthority: File? = nil, isModern: Bool = false) {
        self.certificate = certificate
        self.key = key
        self.clientAuthority = clientAuthority
        self.isModern = isModern
    }

    /// All files of it.
    public var files: [File] { [self.certificate, self.key] + (self.clientAuthority.map { [$0] } ?? []) }
}
