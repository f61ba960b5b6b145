import InterceptPlanning

/// When somebody who waits for the interceptor's replicas is told how far they are, as a value: after ten seconds, and then
/// every half minute.
struct StartPatience: Sendable {
    private var next = Duration.seconds(10)

    /// What is to be said now; nil for nothing.
    ///
    /// - Parameters:
    ///   - elapsed: how long it has been waited for.
    ///   - ready: how many replicas are ready and hold a tunnel.
    ///   - wanted: how many are to be.
    ///   - pods: the Pods there are.
    ///   - query: the command that shows them.
    mutating func word(elapsed: Duration, ready: Int, wanted: Int, pods: [InterceptorPod], query: String) -> String? {
        guard elapsed >= self.next else { return nil }
        self.next = elapsed + .seconds(30)
        let replicas = "\(ready) of \(wanted) interceptor \(wanted == 1 ? "replica" : "replicas")"
        // That may pass, when a node is added or freed: it is told, and no failure.
        let homeless = pods.lazy.compactMap(\.unschedulable).first.map { "no node takes its Pod: \($0)" }
        let why = homeless ?? (pods.isEmpty ? "there is no Pod of it yet" : "a node may still be pulling the image")
        return "waiting: \(replicas) ready after \(elapsed.components.seconds) s; \(why) (\(query))"
    }
}
