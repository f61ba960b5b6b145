/// One of the up to three connections a client's connection is made of.
public enum Side: UInt8, Hashable, Sendable, CaseIterable {
    /// The connection the client opened.
    case client
    /// The client's own connection to the original service.
    case original
    /// The connection into the tunnel of a route.
    case upstream
}

/// Where a connection stands; the same words appear in logs and metrics.
public enum Phase: String, Hashable, Sendable, CaseIterable {
    /// The connection to the original is being opened.
    case accept
    /// The client's bytes are being looked at.
    case detect
    /// A whole request head waits for its route.
    case route
    /// The tunnel has been asked and has not acknowledged yet.
    case upstream
    /// A request and its response are under way.
    case relay
    /// Bytes pass both ways unread, for good.
    case raw
    /// Nothing more is relayed; what is left is the client reading the end.
    case close
}

/// Why a request that matched a route was not answered by the laptop.
public enum Fallback: UInt8, Hashable, Sendable, CaseIterable {
    /// The route's tunnel is known to be down.
    case routeDown
    /// The laptop could not connect to its local port, or the tunnel refused the stream.
    case localRefused
    /// No acknowledgement came in time.
    case ackTimeout
    /// The stream ended after the acknowledgement and before a whole response.
    case tunnelReset
    /// The local process answered with something that is no response in the request's version of HTTP.
    case badResponse
    /// The request's body broke the chunk grammar.
    case badRequest

    /// The word shown in `x-detour-reason`, logs and metrics.
    public var token: StaticString {
        switch self {
        case .routeDown: "route-down"
        case .localRefused: "local-refused"
        case .ackTimeout: "ack-timeout"
        case .tunnelReset: "tunnel-reset"
        case .badResponse: "bad-response"
        case .badRequest: "bad-request"
        }
    }
}

/// Why a connection passes its bytes unread.
public enum RawReason: UInt8, Hashable, Sendable, CaseIterable {
    case serverFirst
    case tls
    case http2
    case notHTTP
    case ambiguous
    case headTooLong
    case headTimeout
    case headTruncated
    case upgrade
    case connect
    case badRequestBody
    case badResponse
    case unaskedResponse
    case wholeConnection
    /// A client of a port that speaks TLS, which does not.
    case notTLS
    /// TLS of a port that is read, which could not be read this time.
    case unreadableTLS

    /// The word shown in logs and metrics.
    public var token: StaticString {
        switch self {
        case .serverFirst: "server-first"
        case .tls: "tls"
        case .http2: "h2-preface"
        case .notHTTP: "not-http"
        case .ambiguous: "ambiguous"
        case .headTooLong: "head-too-long"
        case .headTimeout: "head-timeout"
        case .headTruncated: "head-truncated"
        case .upgrade: "upgrade"
        case .connect: "connect"
        case .badRequestBody: "bad-request-body"
        case .badResponse: "bad-response"
        case .unaskedResponse: "unasked-response"
        case .wholeConnection: "whole-connection"
        case .notTLS: "not-tls"
        case .unreadableTLS: "tls-unreadable"
        }
    }
}

/// What the machine waits for, besides bytes.
public enum Deadline: UInt8, Hashable, Sendable, CaseIterable {
    /// The rest of a head that has begun.
    case head
    /// The tunnel's acknowledgement.
    case acknowledgement
    /// The client's end, after its last response.
    case linger
}
