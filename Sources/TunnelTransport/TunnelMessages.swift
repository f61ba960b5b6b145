#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The laptop's first line on the control stream: whom it speaks for.
public struct TunnelHello: Codable, Sendable, Hashable {
    /// The route's identifier in the Session.
    public var route: String
    /// The Session's incarnation: forty hexadecimal digits, not to be guessed.
    public var session: String
    /// Grows with every dial of one laptop process, so that a newer tunnel replaces an older one.
    public var epoch: UInt64
    /// The laptop's version of Detour.
    public var version: String
    /// Whether the route takes nothing for now; nil from a laptop that cannot pause.
    public var isPaused: Bool?

    /// A greeting.
    public init(route: String, session: String, epoch: UInt64, version: String, isPaused: Bool? = nil) {
        self.route = route
        self.session = session
        self.epoch = epoch
        self.version = version
        self.isPaused = isPaused
    }
}

/// The interceptor's answer to a greeting.
public enum TunnelVerdict: Sendable, Hashable {
    /// Come in: diverted connections arrive at the Unix socket `socketPath`; the laptop is told `welcome`.
    ///
    /// The socket's folder exists and is the interceptor's alone; the path has at most 100 bytes.
    case accept(socketPath: String, welcome: [String: String])
    /// Stay out, for a reason the laptop may read.
    case refuse(reason: String)
}

/// The lines of the control stream that both ends know.
struct ControlMessage: Codable, Sendable, Hashable {
    struct Refusal: Codable, Sendable, Hashable {
        var reason: String
    }

    struct Supersession: Codable, Sendable, Hashable {
        var by: UInt64
    }

    var hello: TunnelHello?
    var welcome: [String: String]?
    var refused: Refusal?
    var superseded: Supersession?
    var closing: Refusal?

    /// The longest line either end may send, its newline included.
    static let longest = 64 * 1024

    var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and numbers always encode.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The message on a line; nil when it is none that this version knows.
    init?(line: String) {
        guard let message = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = message
    }

    init(
        hello: TunnelHello? = nil,
        welcome: [String: String]? = nil,
        refused: Refusal? = nil,
        superseded: Supersession? = nil,
        closing: Refusal? = nil
    ) {
        self.hello = hello
        self.welcome = welcome
        self.refused = refused
        self.superseded = superseded
        self.closing = closing
    }
}
