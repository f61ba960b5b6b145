import KubernetesClient
import KubernetesModel
import NIOCore
import Synchronization
import TestSupport

/// Lets several actors run one API call at a time, in an order that a seed decides.
///
/// An actor is running or waits here. When nobody runs, one of those who wait is chosen. So a whole run is the same for
/// the same seed, whatever the scheduler does.
final class Turnstile: Sendable {
    private struct State {
        var random: SplitMix64
        var running = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state: Mutex<State>

    init(seed: UInt64) {
        self.state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    /// Counts actors that are about to run.
    func enter(_ count: Int) {
        self.state.withLock { $0.running += count }
    }

    /// Waits for the turn of an actor.
    func pass(_ actor: Int) async {
        await withCheckedContinuation { continuation in
            self.state.withLock {
                $0.waiting[actor] = continuation
                $0.running -= 1
            }
            self.choose()
        }
    }

    /// Ends an actor.
    func leave() {
        self.state.withLock { $0.running -= 1 }
        self.choose()
    }

    /// A random number of the run.
    func random(_ range: Range<Int>) -> Int {
        self.state.withLock { Int.random(in: range, using: &$0.random) }
    }

    private func choose() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.running == 0, !state.waiting.isEmpty else { return nil }
            let actors = state.waiting.keys.sorted()
            let actor = actors[Int.random(in: 0..<actors.count, using: &state.random)]
            state.running = 1
            return state.waiting.removeValue(forKey: actor)
        }
        next?.resume()
    }
}

/// A transport that waits for its actor's turn before every request.
struct TurnstileTransport: KubernetesTransport {
    let base: any KubernetesTransport
    let turnstile: Turnstile
    let actor: Int
    /// Called after each request, before the next can come.
    let check: @Sendable () -> Void

    var peer: TransportPeer { self.base.peer }

    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        await self.turnstile.pass(self.actor)
        defer { self.check() }
        return try await self.base.send(request)
    }

    func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        try await self.base.upgrade(request, subprotocol: subprotocol, on: eventLoop, configure: configure)
    }

    func shutdown() async throws {}
}
