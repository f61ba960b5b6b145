import InterceptPlanning
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Synchronization

@testable import Interceptor

/// A stage on which several act at once, one API call at a time, and what must hold after each of them and in the end.
final class Trial: Sendable {
    let stage: Stage
    let turnstile: Turnstile
    private let found = Mutex<[String]>([])
    private let events = Mutex<[String]>([])
    /// Up to which version of the cluster it was found in order.
    private let checked = Mutex(-1)
    /// What a user made the selector, if any did.
    private let edited = Mutex<JSONValue?>(nil)
    /// The original's selector merged into the hijack's, as server-side apply leaves it; somebody has to complete it.
    private let merged: JSONValue

    init(_ stage: Stage, _ turnstile: Turnstile) {
        self.stage = stage
        self.turnstile = turnstile
        self.merged = JSONValue(stage.swap.hijackedSelector).merging(JSONValue(Stage.original.selector))
    }

    /// What was wrong, in the order it was found.
    var problems: [String] { self.found.withLock { $0 } }
    /// What happened.
    var story: [String] { self.events.withLock { $0 } }

    func tell(_ event: String) {
        self.events.withLock { $0.append(event) }
    }

    private func report(_ problem: String) {
        self.found.withLock { $0.append(problem) }
        self.tell("PROBLEM \(problem)")
    }

    // MARK: - Who acts

    private func transport(_ actor: Int) -> TurnstileTransport {
        TurnstileTransport(base: self.stage.server, turnstile: self.turnstile, actor: actor) { self.check() }
    }

    func store(_ actor: Int) -> SessionStore {
        self.stage.store(self.transport(actor))
    }

    func replica(_ uid: String, _ actor: Int) throws -> TestReplica {
        try TestReplica(uid, self.stage, transport: self.transport(actor))
    }

    func die(_ replica: TestReplica) {
        self.tell("\(replica.uid) is gone")
        replica.terminate()
        self.stage.putPod(replica.uid, isReady: false, isTerminating: true)
    }

    /// Somebody wants the original's Pods selected.
    func revertSelector() {
        self.tell("user reverts the selector")
        self.edited.withLock { $0 = nil }
        self.stage.edit { $0["spec"]?["selector"] = JSONValue(Stage.original.selector) }
    }

    /// Somebody wants other Pods selected, and that must last.
    func setForeignSelector() {
        self.tell("user sets another selector")
        self.edited.withLock { $0 = ["app": "leaf-v2"] }
        self.stage.edit { $0["spec"]?["selector"] = ["app": "leaf-v2"] }
    }

    /// A GitOps tool writes what its repository has over a hijacked Service, key by key.
    func applyManifest(withPorts: Bool) {
        self.tell("a tool applies the manifest")
        self.stage.edit {
            guard self.stage.swap.isHijacked($0) else { return }
            $0["spec"]?["selector"] = self.merged
            if withPorts { $0["spec"]?["ports"] = Stage.original.ports }
        }
    }

    // MARK: - What must hold

    /// What must hold after every single request.
    func check() {
        // Most requests change nothing: what was found in order still is.
        let version = self.stage.server.version
        let isNew = self.checked.withLock { checked in
            defer { checked = version }
            return checked != version
        }
        guard isNew else { return }
        guard let service = self.stage.server.cluster[.services, "shop", "leaf"] else { return }
        let swap = self.stage.swap
        let selector = service[path: "spec", "selector"] ?? .null
        let ports = service[path: "spec", "ports"]
        let originals: [JSONValue] =
            [JSONValue(Stage.original.selector), self.merged] + (self.edited.withLock { $0.map { [$0] } } ?? [])
        if !originals.contains(selector), !swap.isHijacked(service) { self.report("selector \(selector.compact)") }
        if ports != Stage.original.ports, ports != swap.hijackedPorts { self.report("ports") }
        guard swap.isHijacked(service) else { return }
        let session = try? self.stage.session()
        let annotation = ServiceSwap(annotationOf: service)
        if session?.original != Stage.original, annotation?.original != Stage.original {
            self.report("hijacked, and nothing tells the original")
        }
    }

    private var isOver: Bool {
        guard let service = try? self.stage.leaf(), (try? self.stage.session()) == .some(nil) else { return false }
        return service.annotations[Marks.originalAnnotation] == nil
            && ServiceSwap.selectedIncarnation(of: service) == nil
    }

    private var hasDeployment: Bool { self.stage.owned.contains { $0.kind == ResourceType.deployments.kind } }

    /// No laptop lives any more and nothing fails: whoever is left puts everything back.
    func settle(_ replicas: [TestReplica]) async {
        self.stage.server.setFault { _ in nil }
        self.stage.collectGarbage()
        let alive = replicas.filter { !$0.state.with { $0.isTerminating } }
        // In the place of the last replica another starts, where there is a Deployment that asks for it. Where there is none
        // nobody is left to help, and all has to be as it was.
        let another = self.hasDeployment ? try? TestReplica("z", self.stage) : nil
        let last = alive.isEmpty ? [another].compactMap(\.self) : alive
        self.turnstile.enter(1)
        for replica in last {
            replica.reachDecoy()
            replica.connections = 0
            self.stage.putPod(replica.uid)
        }
        // Once it is over, three more looks at it must change nothing.
        var rest = 60
        while rest > 0 {
            rest = self.isOver ? min(rest - 1, 3) : rest - 1
            for replica in last {
                replica.hold([:])
                replica.advance(.seconds(1))
                replica.look()
                // The transport still waits for its turn, which is given at once to the only one who asks.
                await replica.step()
            }
        }
        self.check()
        self.stage.collectGarbage()
        if !self.hasDeployment {
            self.stage.endPods()
            self.stage.collectGarbage()
        }
        let owned = self.stage.owned
        if !owned.isEmpty { self.report("left: \(owned.map { "\($0.kind) \($0.name)" })") }
        do {
            if let session = try self.stage.session() {
                self.report("session left: \(session.phase) \(session.isSuspended)")
            }
            let service = try self.stage.leaf()
            let selector = self.edited.withLock { $0 } ?? JSONValue(Stage.original.selector)
            if service[path: "spec", "selector"] != selector {
                self.report("not restored, or not as somebody wanted it")
            }
            if service[path: "spec", "ports"] != Stage.original.ports { self.report("ports not restored") }
            if service.annotations[Marks.originalAnnotation] != nil { self.report("annotation left") }
        } catch {
            self.report("\(error)")
        }
    }
}
