import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

@testable import Interceptor

/// Some who act at once around one intercepted Service.
struct Plot: Sendable, CustomTestStringConvertible, CustomStringConvertible {
    var description: String
    var isHijacked = true
    var onRevert = Route.OnRevert.yield
    var cast: [Part]

    var testDescription: String { self.description }

    /// Those with the fewest orders first.
    static let all = [
        Plot(
            description: "a laptop leaves while somebody wants other Pods selected",
            cast: [.leaves, .serves("b"), .selectsOthers]
        ),
        Plot(description: "a replica stops while the last laptop leaves", cast: [.stops("a"), .serves("b"), .leaves]),
        Plot(
            description: "both replicas stop while the last laptop leaves",
            cast: [.stops("a"), .stops("b"), .leaves]
        ),
        Plot(
            description: "a replica stops while a person reverts",
            cast: [.stops("a"), .serves("b"), .keepsUp, .reverts]
        ),
        Plot(
            description: "closed by force during the first swap",
            isHijacked: false,
            cast: [.swaps, .serves("b"), .closes(isForced: true)]
        ),
        Plot(
            description: "a tool takes it back, the laptop swaps again, and somebody closes",
            onRevert: .reassert,
            cast: [.keepsUp, .serves("b"), .applies, .closes(isForced: false)]
        ),
        Plot(
            description: "a tool takes it back, the laptop swaps again, and a replica stops",
            onRevert: .reassert,
            cast: [.keepsUp, .stops("a"), .applies]
        ),
        Plot(
            description: "the Session is deleted by hand while a replica stops",
            cast: [.stops("a"), .serves("b"), .keepsUp, .deletesSession]
        ),
    ]

    func stage() throws -> Stage {
        let route = try Stage.route(ttl: 8, onRevert: self.onRevert)
        let stage = try Stage(routes: [route], isHijacked: self.isHijacked)
        try stage.putOwned()
        for uid in ["a", "b"] { stage.putPod(uid) }
        return stage
    }
}

/// What one of a plot does. Each of its API calls, and each look at the world, waits for its turn.
enum Part: Sendable, Hashable {
    case serves(String)
    case stops(String)
    case swaps
    case keepsUp
    case leaves
    case closes(isForced: Bool)
    case reverts
    case applies
    case selectsOthers
    case deletesSession

    /// Plays it.
    ///
    /// - Returns: the replica, where it is one.
    func play(_ trial: Trial, _ actor: Int) async -> TestReplica? {
        switch self {
        case .serves(let uid): return await self.serve(trial, actor, uid, stops: false)
        case .stops(let uid): return await self.serve(trial, actor, uid, stops: true)
        case .swaps, .keepsUp, .leaves, .closes:
            // What a command says to its user is not what this is about.
            try? await self.command(trial.store(actor))
        case .reverts, .applies, .selectsOthers, .deletesSession:
            if await trial.turnstile.pass(actor) { self.interfere(trial) }
        }
        trial.check()
        return nil
    }

    private func interfere(_ trial: Trial) {
        switch self {
        case .reverts: trial.revertSelector()
        case .applies: trial.applyManifest(withPorts: true)
        case .selectsOthers: trial.setForeignSelector()
        case .deletesSession:
            trial.tell("user deletes the session")
            trial.stage.deleteSession()
        default: break
        }
    }

    /// - Returns: the replica, or the one that the kubelet starts in its place where its process was killed.
    private func serve(_ trial: Trial, _ actor: Int, _ uid: String, stops: Bool) async -> TestReplica? {
        guard let replica = try? trial.replica(uid, actor) else { return nil }
        replica.reachDecoy()
        replica.hold(["r1": 1])
        for look in 0..<(stops ? 8 : 4) {
            guard await trial.turnstile.pass(actor) else { break }
            if stops, look == 1 {
                trial.tell("\(uid) stops")
                trial.stage.putPod(uid, isTerminating: true)
                replica.terminate()
            }
            if await replica.lookAndStep(after: .seconds(1)) { break }
        }
        let isKilled = trial.turnstile.killed == actor
        if isKilled { trial.tell("\(uid) is killed") }
        if stops {
            trial.die(replica)
            return replica
        }
        return isKilled ? try? TestReplica(uid, trial.stage) : replica
    }

    private func command(_ store: SessionStore) async throws {
        let controller = SessionController(store: store, role: .client)
        switch self {
        case .swaps:
            while try await controller.converge(on: Stage.incarnation, isProven: { _ in true }).waiting == .proof {}
        case .keepsUp:
            for _ in 0..<2 {
                let (_, waiting, _) = try await controller.converge(on: Stage.incarnation, wasHijacked: true)
                guard waiting == .reassertion else { continue }
                _ = try await controller.converge(on: Stage.incarnation, wasHijacked: true) { _ in true }
            }
        case .leaves:
            _ = try await SessionEnding(store: store).leave(owner: "ada@laptop", reason: "left", patience: .zero)
        case .closes(let isForced):
            _ = try await SessionEnding(store: store).close(reason: "closed", force: isForced, patience: .zero)
        default: break
        }
    }
}
