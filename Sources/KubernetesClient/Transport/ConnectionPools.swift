import AsyncHTTPClient
import NIOCore
import Synchronization

/// The kept connections of a transport: one pool for requests, and one for streams, which may be silent for longer.
///
/// Both can be renewed: a connection from before a change of network looks alive until something waits for it in vain.
final class ConnectionPools: Sendable {
    private struct State {
        var plain: OwnedHTTPClient
        var streams: OwnedHTTPClient
        /// The pool for requests before the last renewal: for those that were under way, until the next one.
        var former: OwnedHTTPClient?
        var isOver = false
    }

    private let state: Mutex<State>
    private let make: @Sendable (_ isStream: Bool) -> OwnedHTTPClient

    /// Pools of one configuration.
    ///
    /// - Parameter silence: between two pieces of a stream.
    init(_ configuration: HTTPClient.Configuration, silence: TimeAmount, group: any EventLoopGroup) {
        let make: @Sendable (Bool) -> OwnedHTTPClient = { isStream in
            var configuration = configuration
            if isStream { configuration.timeout.read = silence }
            return OwnedHTTPClient(HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration))
        }
        self.make = make
        self.state = Mutex(State(plain: make(false), streams: make(true)))
    }

    /// The pool to use now.
    func client(isStream: Bool) -> HTTPClient {
        self.state.withLock { (isStream ? $0.streams : $0.plain).client }
    }

    /// Uses new connections from now on: open streams end, requests under way go on where they are.
    func renew() {
        // Outside of the lock: the last of an owner shuts its client down.
        let old = self.state.withLock { state -> [OwnedHTTPClient?] in
            guard !state.isOver else { return [] }
            let old = [state.former, state.streams]
            state.former = state.plain
            state.plain = self.make(false)
            state.streams = self.make(true)
            return old
        }
        _ = old
    }

    /// Closes all connections; there are no new ones.
    func shutdown() async throws {
        let all = self.state.withLock { state in
            state.isOver = true
            return [state.plain, state.streams, state.former]
        }
        for client in all { try await client?.shutdown() }
    }
}
