/// What the scanner makes of the bytes it was shown.
public enum Verdict<Head: Sendable>: Sendable {
    /// A head that has not ended; more bytes decide.
    case incomplete
    /// A whole head, well-formed and with one meaning only.
    case complete(Head)
    /// Bytes that are no HTTP/1 message at all.
    case notHTTP(Foreign)
    /// A message that two parsers could read in two ways.
    case ambiguous(Ambiguity)
    /// A head longer than the limit.
    case tooLong
}

/// Which other protocol the bytes look like.
public enum Foreign: String, Hashable, Sendable, CaseIterable {
    /// A TLS record of the type that starts a handshake.
    case tls
    /// The HTTP/2 connection preface.
    case http2
    /// A first word that is no method, or a start line of another shape.
    case unknown
    /// An HTTP version that is neither 1.0 nor 1.1.
    case version
}

/// Why a message has no single meaning. RFC 9112 has a section for each.
public enum Ambiguity: String, Hashable, Sendable, CaseIterable {
    case bareLineFeed = "bare-lf"
    case bareCarriageReturn = "bare-cr"
    case control = "control-character"
    case spaceBeforeColon = "space-before-colon"
    case foldedLine = "obs-fold"
    case emptyName = "empty-name"
    case invalidName = "invalid-name"
    case target = "invalid-target"
    case missingHost = "missing-host"
    case repeatedHost = "repeated-host"
    case invalidHost = "invalid-host"
    case hostMismatch = "host-mismatch"
    case contentLength = "invalid-content-length"
    case repeatedContentLength = "repeated-content-length"
    case transferEncoding = "invalid-transfer-encoding"
    case repeatedTransferEncoding = "repeated-transfer-encoding"
    case lengthAndEncoding = "length-and-encoding"
    case status = "invalid-status"
}
