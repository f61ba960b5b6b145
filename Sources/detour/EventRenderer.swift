import Intercept
import KubernetesModel

/// Says what happens during an intercept: sentences on stderr, or with `-o json` one object a line on stdout.
struct EventRenderer: Sendable {
    var format: OutputFormat
    var isQuiet: Bool

    func render(_ event: InterceptEvent) {
        if self.format == .json { Terminal.print(Self.json(event).compact) }
        for said in Self.sentences(event) where !self.isQuiet || said.tone == .warning {
            Terminal.say(said.text, said.tone)
        }
    }

    /// What is said of an event; a warning is said even to those who want quiet.
    static func sentences(_ event: InterceptEvent) -> [(text: String, tone: Terminal.Tone)] {
        switch event {
        case .warning(let text): [(text, .warning)]
        case .tunnelDown(let pod, let reason): [("tunnel to \(pod) is down (\(reason)); dialling again", .warning)]
        case .localPortLost(let port):
            [("nothing listens on port \(port) of this machine; the original answers meanwhile", .warning)]
        case .localPortBack(let port): [("port \(port) of this machine answers again", .good)]
        case .finished(let reason): [("\(reason); ending the intercept", .good)]
        case .step(let text): [("\(text) …", .plain)]
        case .tunnelUp(let pod): [("tunnel to \(pod) is up", .plain)]
        case .ready(let ready):
            [
                (
                    "ready: requests to \(ready.service) with '\(ready.match)' are answered by this machine "
                        + "(\(ready.ports.joined(separator: ", "))); Ctrl-C ends it",
                    .good
                ),
                ("connections opened before now stay with the original until their clients close them", .plain),
            ]
        case .nearMiss(let report):
            [("nothing was diverted yet: \(report.message)\(report.mend.map { "\n  \($0)" } ?? "")", .warning)]
        case .summary(let report): [(report.message, .plain)]
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
            ]
        case .tunnelUp(let pod): ["event": "tunnel-up", "pod": .string(pod)]
        case .tunnelDown(let pod, let reason):
            ["event": "tunnel-down", "pod": .string(pod), "reason": .string(reason)]
        case .localPortLost(let port): ["event": "local-port-lost", "port": .integer(Int64(port))]
        case .localPortBack(let port): ["event": "local-port-back", "port": .integer(Int64(port))]
        case .finished(let reason): ["event": "finished", "reason": .string(reason)]
        case .nearMiss(let report): report.json(event: "near-miss")
        case .summary(let report): report.json(event: "summary")
        case .restored: ["event": "restored"]
        case .draining(let replicas): ["event": "draining", "replicas": .integer(Int64(replicas))]
        case .ending: ["event": "ending"]
        case .gone: ["event": "gone"]
        }
    }
}
