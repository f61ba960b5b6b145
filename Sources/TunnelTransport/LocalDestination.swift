public import NIOCore
public import Tunnel

/// What answers diverted connections on the laptop: where to connect to, and who is told what became of that.
///
/// Called on a tunnel's event loop; several tunnels may call at once.
public protocol LocalDestination: Sendable {
    /// The addresses to try for a diverted connection, the likeliest first; none refuses it.
    func addresses(for header: ProxyHeader) -> [SocketAddress]

    /// How the local service is spoken to.
    func scheme(for header: ProxyHeader) -> LocalScheme

    /// Told once what became of a connection for which there were addresses, and after `accepted` once that it `ended`.
    func became(_ outcome: LocalOutcome, _ header: ProxyHeader)

    /// Who takes a copied exchange; nil refuses it.
    func taker(for header: ProxyHeader) -> (any MirrorTaker)?
}

extension LocalDestination {
    /// Nobody, where nothing is mirrored.
    public func taker(for header: ProxyHeader) -> (any MirrorTaker)? { nil }
}

/// Takes the copy of one exchange: exactly one of its methods is called, once, on a tunnel's event loop.
public protocol MirrorTaker: Sendable {
    /// The copy is there; `done` may be called from anywhere, once.
    func take(_ exchange: MirroredExchange, done: @escaping @Sendable () -> Void)

    /// It does not come.
    func abandoned()
}

/// What became of a diverted connection on the laptop.
public enum LocalOutcome: Sendable, Hashable {
    /// An address accepted, and the interceptor was told so.
    case accepted(SocketAddress)
    /// No address accepted.
    case refused
    /// A connection was accepted, but what came cannot be passed on as the scheme asks: why, in a sentence's second half.
    case unfit(String)
    /// The interceptor gave it up before an address had accepted.
    case abandoned
    /// It is over in both directions.
    case ended
}
