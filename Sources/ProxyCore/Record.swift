/// What one log line says of a request, or of a connection that passed unread.
public struct Record: Hashable, Sendable {
    /// What the line is about.
    public enum Kind: UInt8, Hashable, Sendable {
        case request
        case raw
    }

    /// Who gave the answer.
    public enum Server: UInt8, Hashable, Sendable, CaseIterable {
        case original
        case laptop
        case detour

        /// The word shown in logs and metrics.
        public var token: StaticString {
            switch self {
            case .original: "original"
            case .laptop: "laptop"
            case .detour: "detour"
            }
        }
    }

    /// What the line is about.
    public var kind: Kind
    /// Who gave the answer.
    public var server: Server
    /// The response's status; 0 when none came.
    public var status: Int
    /// Bytes from the client.
    public var bytesIn: Int
    /// Bytes to the client.
    public var bytesOut: Int
    /// Why a matched request was not answered by the laptop.
    public var fallback: Fallback?
    /// Why the connection passed unread.
    public var raw: RawReason?
    /// Whether the request matched a route.
    public var matched: Bool
    /// The route it matched.
    public var route: String?
    /// What went wrong.
    public var flags: ResponseFlags
    /// Whether a request and its response were passed on from their first byte to their last.
    public var isWhole: Bool

    /// A line from its parts.
    public init(
        kind: Kind,
        server: Server,
        status: Int,
        bytesIn: Int,
        bytesOut: Int,
        fallback: Fallback?,
        raw: RawReason?,
        matched: Bool,
        route: String?,
        flags: ResponseFlags,
        isWhole: Bool = false
    ) {
        self.kind = kind
        self.server = server
        self.status = status
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.fallback = fallback
        self.raw = raw
        self.matched = matched
        self.route = route
        self.flags = flags
        self.isWhole = isWhole
    }
}

/// What went wrong with an exchange, in the letters Envoy's users know.
public struct ResponseFlags: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Flags from their bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// UF: no connection to the upstream.
    public static let upstreamFailure = ResponseFlags(rawValue: 1)
    /// UC: the upstream ended before its response did.
    public static let upstreamClosed = ResponseFlags(rawValue: 2)
    /// UT: the upstream did not answer in time.
    public static let upstreamTimeout = ResponseFlags(rawValue: 4)
    /// UPE: the upstream broke the protocol.
    public static let upstreamProtocol = ResponseFlags(rawValue: 8)
    /// DC: the client went away.
    public static let clientClosed = ResponseFlags(rawValue: 16)
    /// DPE: the client broke the protocol.
    public static let clientProtocol = ResponseFlags(rawValue: 32)
    /// UO: the upstream has as many requests as it may.
    public static let upstreamOverflow = ResponseFlags(rawValue: 64)

    /// The letters, joined by commas; empty when all went well.
    public var letters: String {
        if self.isEmpty {
            return ""
        }
        return Self.each.filter { self.contains($0.flag) }.map(\.letters).joined(separator: ",")
    }

    /// Each of them, with its letters.
    public static let each: [(flag: ResponseFlags, letters: String)] = [
        (.upstreamFailure, "UF"), (.upstreamClosed, "UC"), (.upstreamTimeout, "UT"), (.upstreamProtocol, "UPE"),
        (.clientClosed, "DC"), (.clientProtocol, "DPE"), (.upstreamOverflow, "UO"),
    ]
}

/// An answer the proxy gives itself, because nobody else could.
public struct Synthetic: Hashable, Sendable {
    /// 400, 502 or 503.
    public var status: Int
    /// Why.
    public var reason: Fallback
    /// Whether the connection ends after it.
    public var closes: Bool
    /// Whether the answer goes without its body, as an answer to HEAD does.
    public var omitsBody: Bool

    /// The answer as it goes over the wire.
    public var text: String {
        let phrase =
            switch self.status {
            case 400: "Bad Request"
            case 503: "Service Unavailable"
            default: "Bad Gateway"
            }
        let body = "detour: \(self.reason.explanation)\n"
        return """
            HTTP/1.1 \(self.status) \(phrase)\r
            content-type: text/plain; charset=utf-8\r
            content-length: \(body.utf8.count)\r
            cache-control: no-store\r
            x-detour-served-by: detour\r
            x-detour-reason: \(self.reason.token)\r
            \(self.closes ? "connection: close\r\n" : "")\r
            \(self.omitsBody ? "" : body)
            """
    }
}

extension Fallback {
    /// The sentence that tells the sender of a request why this is its answer.
    public var explanation: String {
        switch self {
        case .routeDown: "this request matched an intercept whose tunnel is down"
        case .localRefused: "this request matched an intercept, and nothing accepted the connection on the local port"
        case .ackTimeout: "this request matched an intercept, and the laptop did not take the connection in time"
        case .tunnelReset:
            "the connection to the laptop ended before its response, and this request must not be sent a second time"
        case .badResponse: "the local process does not answer in the HTTP version of this request"
        case .badRequest: "the body of this request is not well-formed"
        }
    }
}
