import NIOCore
import ProxyCore

/// A connection into the tunnel of one route, shared by that route's streams of one client's connection.
struct Laptop: Sendable {
    enum Stage {
        /// The tunnel has not answered.
        case connecting
        /// The local process has not said that it speaks HTTP/2.
        case greeting
        case open
        /// It takes no more streams.
        case retired
    }

    /// How many requests may wait for one connection.
    static let longestQueue = 1_000
    /// How many connections into one tunnel a client's connection may have, where each request gets its own.
    static let mostOfRoute = 64

    var link = Link()
    var stage = Stage.connecting
    var route: Route?
    /// Requests that wait for the connection, or for a place on it.
    var waiting = CircularBuffer<UInt32>()

    /// Whether the local process has said that it speaks HTTP/2.
    var hasGreeted: Bool {
        self.stage == .open || self.stage == .retired
    }

    /// Whether it waits for an answer on behalf of this one request.
    func isOnly(for id: UInt32) -> Bool {
        !self.hasGreeted && self.route?.isBounded == true && self.waiting.first == id
    }

    /// Whether a request of `route` may use it; where the laptop counts connections, each request gets its own.
    func serves(_ route: Route) -> Bool {
        self.stage != .retired && !route.isBounded && self.route?.id == route.id
            && self.route?.upstreamPath == route.upstreamPath
    }
}

extension Laptop {
    /// Why requests are not answered when the connection ends now.
    var lossReason: Fallback {
        switch self.stage {
        case .connecting: .localRefused
        // The tunnel took it, and the process behind it hung up on an HTTP/2 client.
        case .greeting: .badResponse
        case .open, .retired: .tunnelReset
        }
    }
}
