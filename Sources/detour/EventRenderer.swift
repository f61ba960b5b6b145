import Intercept
import KubernetesModel

/// Says what happens during an intercept: sentences on stderr, or with `-o json` one object a line on stdout.
struct EventRenderer: Sendable {
    var format: OutputFormat
    var isQuiet: Bool
    /// Whether this machine gets copies only.
    var isMirror = false

    func render(_ event: InterceptEvent) {
        if self.format == .json { Terminal.print(Self.json(event).compact) }
        switch event {
        case .compared(let answer) where !answer.differences.isEmpty: self.show(MirrorOutput.text(answer))
        case .mirrorEnded(let summary): self.show(MirrorOutput.text(summary))
        default: break
        }
        for said in Self.sentences(event, isMirror: self.isMirror) where !self.isQuiet || said.tone == .warning {
            Terminal.say(said.text, said.tone)
        }
    }

    /// What is said of an event; a warning is said even to those who want quiet.
    static func sentences(_ event: InterceptEvent, isMirror: Bool = false) -> [(text: String, tone: Terminal.Tone)] {
        switch event {
        case .warning(let text): [(text, .warning)]
        case .tunnelDown(let pod, let reason): [("tunnel to \(pod) is down (\(reason)); dialling again", .warning)]
        case .localPortLost(let port):
            [
                (
                    "nothing listens on port \(port) of this machine; "
                        + (isMirror ? "nothing is compared meanwhile" : "the original answers meanwhile"),
                    .warning
                )
            ]
        case .localPortBack(let port): [("port \(port) of this machine answers again", .good)]
        case .finished(let reason): [(reason, .good)]
        case .step(let text): [("\(text) …", .plain)]
        case .tunnelUp(let pod): [("tunnel to \(pod) is up", .plain)]
        case .ready(let ready):
            [
                (
                    "ready: requests to \(ready.service) with '\(ready.match)' are "
                        + (ready.isMirror ? "answered by the original and copied to" : "answered by")
                        + " this machine (\(ready.ports.joined(separator: ", "))); Ctrl-C ends it",
                    .good
                ),
                (
                    "connections opened before now stay with the original until their clients close them, or end "
                        + "with its Pods (--restart-target)",
                    .plain
                ),
            ]
        case .nearMiss(let report):
            [("nothing was diverted yet: \(report.message)\(report.mend.map { "\n  \($0)" } ?? "")", .warning)]
        case .summary(let report): [(report.message, .plain)]
        case .compared(let answer):
            answer.differences.isEmpty
                ? [("\(answer.method) \(answer.target): equal (\(answer.status))", .plain)] : []
        case .notCompared(let reason, let count): [("not compared: \(count) \(MirrorOutput.words(reason))", .plain)]
        case .mirrorEnded: []
        case .targetRestarted(let workloads):
            [("restarted \(workloads.joined(separator: ", ")); no connection from before is left there", .good)]
        case .restored: [("the Service is what it was", .good)]
        case .draining(let replicas):
            [
                (
                    "\(replicas) interceptor \(replicas == 1 ? "replica still holds" : "replicas still hold") "
                        + "connections of others; they remove themselves when those end",
                    .plain
                )
            ]
        case .ending: [("the interceptor's last Pods are ending; Kubernetes removes what is left", .plain)]
        case .gone: [("nothing of the intercept is left in the cluster", .good)]
        }
    }

    /// Data, where events are not data already.
    private func show(_ text: String) {
        if self.format != .json { Terminal.print(Terminal.inert(text)) }
    }

    private static func json(_ event: InterceptEvent) -> JSONValue {
        switch event {
        case .step(let text): ["event": "step", "message": .string(text)]
        case .warning(let text): ["event": "warning", "message": .string(text)]
        case .ready(let ready):
            [
                "event": "ready",
                "service": .string(ready.service),
                "ports": .array(ready.ports.map { .string($0) }),
                "match": .string(ready.match),
                "session": .string(ready.session),
                "replicas": .integer(Int64(ready.replicas)),
                "mirror": .bool(ready.isMirror),
            ]
        case .tunnelUp(let pod): ["event": "tunnel-up", "pod": .string(pod)]
        case .tunnelDown(let pod, let reason):
            ["event": "tunnel-down", "pod": .string(pod), "reason": .string(reason)]
        case .localPortLost(let port): ["event": "local-port-lost", "port": .integer(Int64(port))]
        case .localPortBack(let port): ["event": "local-port-back", "port": .integer(Int64(port))]
        case .finished(let reason): ["event": "finished", "reason": .string(reason)]
        case .nearMiss(let report): report.json(event: "near-miss")
        case .summary(let report): report.json(event: "summary")
        case .targetRestarted(let workloads):
            ["event": "target-restarted", "workloads": .array(workloads.map { .string($0) })]
        case .compared(let answer): MirrorOutput.json(answer)
        case .notCompared(let reason, let count):
            ["event": "not-compared", "reason": .string(reason), "count": .integer(Int64(count))]
        case .mirrorEnded(let summary): MirrorOutput.json(summary)
        case .restored: ["event": "restored"]
        case .draining(let replicas): ["event": "draining", "replicas": .integer(Int64(replicas))]
        case .ending: ["event": "ending"]
        case .gone: ["event": "gone"]
        }
    }
}
