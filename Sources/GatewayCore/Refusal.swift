public import HTTPWire

/// An answer that the gateway gives itself.
public struct Refusal: Hashable, Sendable {
    /// Why.
    public enum Reason: Hashable, Sendable {
        /// No HTTP/1 at all, or another version.
        case notHTTP(Foreign)
        /// Two parsers could read it in two ways.
        case ambiguous(Ambiguity)
        /// The head is longer than is allowed.
        case headTooLong
        /// The client ended before its head did.
        case headTruncated
        /// The head did not end in time.
        case headTimeout
        /// The body stopped coming.
        case bodyTimeout
        /// The body broke the chunk grammar.
        case badBody
        /// `Connection` names a field that is not for the next recipient only.
        case connectionOption
        /// The path can be read as two, where routes look at it.
        case path
        /// `CONNECT`, which is for forward proxies.
        case connect
        /// `CONNECT` with a body, which it cannot have.
        case connectBody
        /// The target of a request to a forward proxy names no server.
        case originForm
        /// The target of a request to a forward proxy has the scheme `https`, which wants a connection of its own.
        case httpsTarget
        /// The client may not use the forward proxy.
        case forbiddenClient
        /// The forward proxy connects to no such port.
        case forbiddenPort
        /// The forward proxy connects to no such address for this client.
        case forbiddenAddress
        /// The forward proxy would connect to itself.
        case ownAddress
        /// The server's name has no address.
        case nameUnknown
        /// The server's name could not be looked up in time.
        case nameTimeout
        /// The server that the request names could not be reached.
        case serverUnreachable
        /// No route takes it.
        case noRoute
        /// No server could be reached.
        case unreachable
        /// No server could be reached in time.
        case unreachableInTime
        /// As many requests are under way to the cluster as may be.
        case clusterFull
        /// The server ended the connection in place of an answer.
        case upstreamClosed
        /// The server's answer broke the protocol.
        case badResponse
        /// The server did not answer in time.
        case responseTimeout
    }

    /// Why.
    public let reason: Reason
    /// Whether the client's connection ends with it.
    public let isLast: Bool
    /// Whether the answer has no body: that to a `HEAD`.
    public let isBare: Bool

    /// Its status.
    public var status: Int {
        switch self.reason {
        case .notHTTP(.version): 505
        case .notHTTP, .ambiguous, .headTruncated, .badBody, .connectionOption, .path, .connectBody,
            .originForm:
            400
        case .forbiddenClient, .forbiddenPort, .forbiddenAddress, .ownAddress: 403
        case .noRoute: 404
        case .connect: 405
        case .headTimeout, .bodyTimeout: 408
        case .headTooLong: 431
        case .httpsTarget: 501
        case .upstreamClosed, .badResponse, .serverUnreachable, .nameUnknown: 502
        case .unreachable, .clusterFull: 503
        case .unreachableInTime, .responseTimeout, .nameTimeout: 504
        }
    }

    /// The word for logs and metrics, and in the answer.
    public var token: String {
        switch self.reason {
        case .notHTTP(let foreign): "not-http-\(foreign.rawValue)"
        case .ambiguous(let ambiguity): ambiguity.rawValue
        case .headTooLong: "head-too-long"
        case .headTruncated: "head-truncated"
        case .headTimeout: "head-timeout"
        case .bodyTimeout: "body-timeout"
        case .badBody: "bad-request-body"
        case .connectionOption: "connection-option"
        case .path: "path"
        case .connect: "connect"
        case .connectBody: "connect-body"
        case .originForm: "origin-form"
        case .httpsTarget: "https-target"
        case .forbiddenClient: "client-not-allowed"
        case .forbiddenPort: "port-not-allowed"
        case .forbiddenAddress: "address-not-allowed"
        case .ownAddress: "own-address"
        case .nameUnknown: "name-unknown"
        case .nameTimeout: "name-timeout"
        case .noRoute: "no-route"
        case .unreachable, .serverUnreachable: "upstream-unreachable"
        case .unreachableInTime: "upstream-connect-timeout"
        case .clusterFull: "cluster-full"
        case .upstreamClosed: "upstream-closed"
        case .badResponse: "bad-response"
        case .responseTimeout: "response-timeout"
        }
    }

    /// The whole answer, as it is sent.
    public var text: String {
        let body = "detour: \(self.token)\n\(self.advice.map { "\($0)\n" } ?? "")"
        return """
            HTTP/1.1 \(self.status) \(self.phrase)\r
            content-type: text/plain\r
            content-length: \(body.utf8.count)\r
            x-detour-reason: \(self.token)\r
            \(self.status == 405 ? "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" : "")\
            \(self.isLast ? "connection: close\r\n" : "")\r
            \(self.isBare ? "" : body)
            """
    }

    /// What would be right, where the token alone does not say it.
    private var advice: String? {
        switch self.reason {
        case .originForm: "This is a forward proxy. Ask it for http://HOST/PATH, or with CONNECT HOST:PORT."
        case .httpsTarget: "Ask for https with CONNECT HOST:443."
        case .forbiddenClient: "Add the client's network to forward.clients of this listener."
        case .forbiddenPort: "Add the port to forward.ports, or forward.connect-ports for CONNECT, of this listener."
        case .forbiddenAddress: "Only clients of the proxy's own machine reach this address through it."
        case .ownAddress: "This is the proxy's own address."
        default: nil
        }
    }

    /// The phrase of RFC 9110 section 15.
    private var phrase: String {
        switch self.status {
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "HTTP Version Not Supported"
        }
    }
}

extension Refusal.Reason: Error {
    /// Whether nothing more is heard of the client: what it says next may be no request, or it is not served at all.
    var isLast: Bool {
        self == .connectionOption || self == .connect || self == .connectBody || self == .forbiddenClient
    }

    /// Whether a server that was sent the request is to blame.
    var isServerFault: Bool {
        switch self {
        case .upstreamClosed, .badResponse, .responseTimeout: true
        default: false
        }
    }
}
