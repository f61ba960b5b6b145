public import KubernetesClient
public import KubernetesModel
import Synchronization
import TestSupport

/// Lets several actors run one API call at a time, in an order that a seed decides, or a script.
///
/// An actor is running or waits here. When nobody runs, one of those who wait is chosen. So a whole run is the same for
/// the same seed or script, whatever the scheduler does.
public final class Turnstile: Sendable {
    private struct State {
        var random: SplitMix64
        var script: [Int: Int]?
        /// How many could have been chosen, at each choice so far; only with a script.
        var choices: [Int] = []
        var last: Int?
        /// Who was killed; with a script only, and one at most.
        var killed: Int?
        var running = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state: Mutex<State>

    /// A turnstile with an order that `seed` decides.
    public init(seed: UInt64) {
        self.state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    /// A turnstile with an order that is written down: who had the last turn has the next one too, or else the first who waits,
    /// but where `deviations` has something else for a choice: the how manieth of the others, or, after the last of these, that
    /// who would have had the turn is killed in place of it. One is killed at most. Whoever has no turn does nothing that the others
    /// could see, so it does not matter that nobody else can be killed then: they die when it would be theirs.
    public init(deviations: [Int: Int]) {
        self.state = Mutex(State(random: SplitMix64(seed: 0), script: deviations))
    }

    /// How many ways to go on there were at each choice so far of an order that is written down.
    public var choices: [Int] { self.state.withLock { $0.choices } }

    /// Who was killed.
    public var killed: Int? { self.state.withLock { $0.killed } }

    /// Counts actors that are about to run.
    public func enter(_ count: Int) {
        self.state.withLock { $0.running += count }
    }

    /// Waits for the turn of an actor.
    ///
    /// - Returns: whether it comes; false for one who was killed, at once and from then on.
    @discardableResult
    public func pass(_ actor: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let isKilled = self.state.withLock { state in
                guard state.killed != actor else { return true }
                state.waiting[actor] = continuation
                state.running -= 1
                return false
            }
            if isKilled { continuation.resume(returning: false) } else { self.choose() }
        }
    }

    /// Ends an actor.
    public func leave() {
        self.state.withLock { $0.running -= 1 }
        self.choose()
    }

    /// A random number of the run.
    public func random(_ range: Range<Int>) -> Int {
        self.state.withLock { Int.random(in: range, using: &$0.random) }
    }

    private func choose() {
        let next = self.state.withLock { state -> (continuation: CheckedContinuation<Bool, Never>?, goesOn: Bool)? in
            guard state.running == 0, !state.waiting.isEmpty else { return nil }
            var actors = state.waiting.keys.sorted()
            var index = 0
            if let script = state.script {
                if let last = state.last, let place = actors.firstIndex(of: last) {
                    actors.insert(actors.remove(at: place), at: 0)
                }
                let ways = actors.count + (state.killed == nil ? 1 : 0)
                index = min(script[state.choices.count] ?? 0, ways - 1)
                state.choices.append(ways)
                if index == actors.count { state.killed = actors[0] }
            } else {
                index = Int.random(in: 0..<actors.count, using: &state.random)
            }
            state.running = 1
            let chosen = index < actors.count ? actors[index] : actors[0]
            state.last = chosen
            return (state.waiting.removeValue(forKey: chosen), index < actors.count)
        }
        next?.continuation?.resume(returning: next?.goesOn ?? false)
    }
}

/// A transport that waits for its actor's turn before every request.
public struct TurnstileTransport: WrappingTransport {
    /// The server.
    public let base: any KubernetesTransport
    private let turnstile: Turnstile
    private let actor: Int
    private let check: @Sendable () -> Void

    /// Requests for which there is a turn; reviews of permissions are asked for several at once, and change nothing.
    private static func hasTurn(_ request: KubernetesRequest) -> Bool {
        request.segments.last != ResourceType.selfSubjectAccessReviews.plural
    }

    /// A transport for one actor; `check` is called after each of its requests, before the next can come.
    public init(
        base: any KubernetesTransport,
        turnstile: Turnstile,
        actor: Int,
        check: @escaping @Sendable () -> Void = {}
    ) {
        self.base = base
        self.turnstile = turnstile
        self.actor = actor
        self.check = check
    }

    /// Sends when it is the actor's turn; nothing more once it was killed.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        guard Self.hasTurn(request) else { return try await self.base.send(request) }
        guard await self.turnstile.pass(self.actor) else { throw CancellationError() }
        defer { self.check() }
        return try await self.base.send(request)
    }
}
