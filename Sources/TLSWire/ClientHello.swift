/// The first message of a TLS client, as far as somebody who stands between it and its server has to know it.
///
/// RFC 8446 section 4.1.2, and RFC 5246 section 7.4.1.2 for TLS 1.2, which has the same form.
public struct ClientHello: Hashable, Sendable {
    /// The server's name (RFC 6066 section 3); nil where the client names none, or something that is no host name.
    public var serverName: String?
    /// The protocols offered by ALPN (RFC 7301), in their order; those that are no text are left out.
    public var applicationProtocols: [String]
    /// The versions offered, as the wire numbers them: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    public var versions: [UInt16]
    /// The cipher suites offered, as the wire numbers them.
    public var cipherSuites: [UInt16]

    /// A message by its parts.
    public init(
        serverName: String? = nil,
        applicationProtocols: [String] = [],
        versions: [UInt16] = [0x0304, 0x0303],
        cipherSuites: [UInt16] = []
    ) {
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
        self.versions = versions
        self.cipherSuites = cipherSuites
    }

    /// What the first bytes of a client are.
    public enum Reading: Hashable, Sendable {
        /// The beginning of what may become one.
        case more
        /// No such message, or one that is longer than `longest`, or in more records than `mostRecords`.
        case other
        /// The whole message.
        case whole(ClientHello)
    }

    /// The longest message that is waited for, in bytes.
    public static let longest = 64 << 10

    /// The most records that such a message is waited for in: of the smallest size that can be agreed on (RFC 6066 section 4),
    /// the longest one takes half as many.
    static let mostRecords = 256

    /// Reads the message at the start of a connection, in however many records it comes, up to ``mostRecords``.
    ///
    /// All of them are read again whenever bytes have come: with no bound, somebody who sends one byte a record, and one byte at
    /// a time, would keep a processor busy with next to nothing.
    public static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        var message: [UInt8] = []
        var rest = Cursor(bytes)
        var records = 0
        while true {
            guard let type = rest.byte() else { return .more }
            records += 1
            guard type == 22, records <= Self.mostRecords else { return .other }
            guard let major = rest.byte() else { return .more }
            guard major == 3 else { return .other }
            guard rest.byte() != nil, let length = rest.number(2) else { return .more }
            guard length > 0, length <= 1 << 14 else { return .other }
            let isWhole = rest.count >= length
            message += rest.take(min(length, rest.count)) ?? Cursor(bytes).empty
            switch Self.body(of: message) {
            case .whole(let body): return ClientHello(body: body).map { .whole($0) } ?? .other
            case .other: return .other
            case .more where !isWhole: return .more
            case .more: continue
            }
        }
    }

    private enum Body {
        case more
        case other
        case whole(ArraySlice<UInt8>)
    }

    private static func body(of message: [UInt8]) -> Body {
        guard let type = message.first else { return .more }
        guard type == 1 else { return .other }
        guard message.count >= 4 else { return .more }
        let length = message[1...3].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.longest else { return .other }
        return message.count < 4 + length ? .more : .whole(message[4..<4 + length])
    }

    /// The message in `body`; nil when its parts do not fit each other.
    private init?(body: ArraySlice<UInt8>) {
        self.init(cipherSuites: [])
        let isRight: Bool = body.withUnsafeBytes { bytes in
            var rest = Cursor(bytes)
            guard let legacyVersion = rest.number(2), rest.take(32) != nil, rest.vector(lengthBytes: 1) != nil,
                var suites = rest.vector(lengthBytes: 2), rest.vector(lengthBytes: 1) != nil
            else { return false }
            self.versions = [UInt16(legacyVersion)]
            while let suite = suites.number(2) { self.cipherSuites.append(UInt16(suite)) }
            // TLS 1.2 clients may leave extensions out altogether.
            guard rest.count > 0 else { return true }
            guard var extensions = rest.vector(lengthBytes: 2), rest.count == 0 else { return false }
            while extensions.count > 0 {
                guard let type = extensions.number(2), let value = extensions.vector(lengthBytes: 2),
                    self.take(type, value)
                else { return false }
            }
            return true
        }
        guard isRight else { return nil }
    }

    /// Takes an extension in; false when it is malformed.
    private mutating func take(_ type: Int, _ value: Cursor) -> Bool {
        var value = value
        switch type {
        case 0:
            guard var names = value.vector(lengthBytes: 2) else { return false }
            while names.count > 0 {
                guard let kind = names.byte(), let name = names.vector(lengthBytes: 2) else { return false }
                if kind == 0 { self.serverName = name.hostName }
            }
        case 16:
            guard var names = value.vector(lengthBytes: 2) else { return false }
            while names.count > 0 {
                guard let name = names.vector(lengthBytes: 1), name.count > 0 else { return false }
                if let text = name.text { self.applicationProtocols.append(text) }
            }
        case 43:
            guard var versions = value.vector(lengthBytes: 1) else { return false }
            self.versions = []
            while let version = versions.number(2) { self.versions.append(UInt16(version)) }
        default: break
        }
        return true
    }
}

/// Reads big-endian numbers and length-prefixed vectors off the front of bytes.
private struct Cursor: Sequence {
    private var bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var count: Int { self.bytes.count }
    var empty: Cursor { Cursor(UnsafeRawBufferPointer(rebasing: self.bytes[..<0])) }

    func makeIterator() -> UnsafeRawBufferPointer.Iterator { self.bytes.makeIterator() }

    mutating func take(_ count: Int) -> Cursor? {
        guard count <= self.bytes.count else { return nil }
        let taken = Cursor(UnsafeRawBufferPointer(rebasing: self.bytes[..<count]))
        self.bytes = UnsafeRawBufferPointer(rebasing: self.bytes[count...])
        return taken
    }

    mutating func number(_ width: Int) -> Int? {
        self.take(width).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }

    mutating func byte() -> UInt8? {
        self.take(1)?.bytes.first
    }

    mutating func vector(lengthBytes width: Int) -> Cursor? {
        self.number(width).flatMap { self.take($0) }
    }

    /// The bytes as text; nil when they are none.
    var text: String? {
        String(validating: self.bytes, as: UTF8.self)
    }

    /// A name that may be asked for; addresses may not, and no name has other characters than these.
    var hostName: String? {
        let isName = self.bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
            default: false
            }
        }
        let hasLetter = self.bytes.contains { $0 >= 0x41 }
        return isName && hasLetter && (1...255).contains(self.count) ? self.text : nil
    }
}
