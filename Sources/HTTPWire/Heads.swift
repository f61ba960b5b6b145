/// The two versions whose messages are text.
public enum Version: UInt8, Sendable {
    case http10
    case http11
}

/// What the field lines of a head said about the connection and the body.
public struct FieldFlags: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt16

    /// Flags from their bits.
    @inlinable
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// `Connection: close`.
    public static let close = FieldFlags(rawValue: 1)
    /// `Connection: keep-alive`.
    public static let keepAlive = FieldFlags(rawValue: 2)
    /// An `Upgrade` field.
    public static let upgrade = FieldFlags(rawValue: 4)
    /// An `Upgrade` field that asks for HTTP/2 in clear text.
    public static let upgradeToHTTP2 = FieldFlags(rawValue: 8)
    /// `Transfer-Encoding: chunked`.
    public static let chunked = FieldFlags(rawValue: 16)
    /// A `Content-Length` field.
    public static let length = FieldFlags(rawValue: 32)
    /// `Expect: 100-continue`.
    public static let expectContinue = FieldFlags(rawValue: 64)
    /// A field that is for the next recipient only (RFC 9110 7.6.1), `Connection` among them.
    public static let hopByHop = FieldFlags(rawValue: 128)
    /// A `Connection` field that names one which is not known to be for the next recipient only.
    public static let strangeOption = FieldFlags(rawValue: 256)
    /// `Connection: upgrade`, without which `Upgrade` asks for nothing (RFC 9110 7.8).
    public static let upgradeOption = FieldFlags(rawValue: 512)
}

/// A request's head: where its parts are, and what they mean.
public struct RequestHead: Sendable {
    /// The head's bytes, its empty line included.
    public let length: Int
    /// The method.
    public let method: Method
    /// Where the method is written.
    public let methodRange: ByteRange
    /// Where the request target is written.
    public let target: ByteRange
    /// The version.
    public let version: Version
    /// Where the first field line starts.
    public let fieldsStart: Int
    /// What the field lines said.
    public let flags: FieldFlags
    /// The body's announced length; 0 without one.
    public let contentLength: Int64
    /// Where the value of `Host` is written; empty without one.
    public let host: ByteRange
    /// Where the value of the first `X-Request-Id` is written; empty without one.
    public let requestID: ByteRange

    /// How the body ends.
    @inlinable
    public var framing: BodyFramer {
        if self.flags.contains(.chunked) {
            return .chunked()
        }
        return self.contentLength > 0 ? .length(self.contentLength) : .none
    }

    /// Whether the client keeps the connection for more requests.
    @inlinable
    public var keepsAlive: Bool {
        keepsConnection(self.version, self.flags)
    }
}

/// A response's head: where its parts are, and what they mean.
public struct ResponseHead: Sendable {
    /// The head's bytes, its empty line included.
    public let length: Int
    /// The three digits.
    public let status: Int
    /// The version.
    public let version: Version
    /// Where the first field line starts.
    public let fieldsStart: Int
    /// What the field lines said.
    public let flags: FieldFlags
    /// The body's announced length; 0 without one.
    public let contentLength: Int64

    /// How the body ends, by RFC 9112 6.3, for the answer to a request of `method`.
    @inlinable
    public func framing(answering method: Method) -> BodyFramer {
        if method == .head || self.status < 200 || self.status == 204 || self.status == 304 {
            return .none
        }
        if method == .connect, self.status < 300 {
            return .untilClose
        }
        if self.flags.contains(.chunked) {
            return .chunked()
        }
        if self.flags.contains(.length) {
            return self.contentLength > 0 ? .length(self.contentLength) : .none
        }
        return .untilClose
    }

    /// Whether the server keeps the connection for more requests, as far as the fields say.
    @inlinable
    public var keepsAlive: Bool {
        keepsConnection(self.version, self.flags)
    }
}

/// RFC 9112 9.3.
@inlinable
func keepsConnection(_ version: Version, _ flags: FieldFlags) -> Bool {
    if flags.contains(.close) {
        return false
    }
    return version == .http11 || flags.contains(.keepAlive)
}
