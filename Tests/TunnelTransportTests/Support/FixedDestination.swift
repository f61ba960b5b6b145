import NIOCore
import Synchronization
import Tunnel

@testable import TunnelTransport

/// Local addresses that stay the same, and what was told of the connections to them.
final class FixedDestination: LocalDestination {
    private let ports: [(String, Int)]
    private let scheme: LocalScheme
    private let told = Mutex<[String]>([])
    private let changes: AsyncStream<String>
    private let changed: AsyncStream<String>.Continuation

    init(ports: [(String, Int)], scheme: LocalScheme = .plain) {
        self.ports = ports
        self.scheme = scheme
        (self.changes, self.changed) = AsyncStream.makeStream()
    }

    func addresses(for header: ProxyHeader) -> [SocketAddress] {
        self.ports.compactMap { try? SocketAddress(ipAddress: $0.0, port: $0.1) }
    }

    func scheme(for header: ProxyHeader) -> LocalScheme { self.scheme }

    func became(_ outcome: LocalOutcome, _ header: ProxyHeader) {
        let word =
            switch outcome {
            case .accepted(let address): "accepted \(address.ipAddress ?? "?")"
            case .refused: "refused"
            case .unfit(let why): "unfit: \(why)"
            case .abandoned: "abandoned"
            case .ended: "ended"
            }
        self.told.withLock { $0.append(word) }
        self.changed.yield(word)
    }

    /// Everything told so far, in order.
    var outcomes: [String] { self.told.withLock { $0 } }

    /// The next outcome that nobody has waited for.
    func next() async -> String? {
        for await word in self.changes { return word }
        return nil
    }
}
