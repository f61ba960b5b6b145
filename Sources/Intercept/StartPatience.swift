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
    ///   - pods: how many Pods there are.
    ///   - query: the command that shows them.
    mutating func word(elapsed: Duration, ready: Int, wanted: Int, pods: Int, query: String) -> String? {
        guard elapsed >= self.next else { return nil }
        self.next = elapsed + .seconds(30)
        let replicas = "\(ready) of \(wanted) interceptor \(wanted == 1 ? "replica" : "replicas")"
        let why = pods == 0 ? "there is no Pod of it yet" : "a node may still be pulling the image"
        return "waiting: \(replicas) ready after \(elapsed.components.seconds) s; \(why) (\(query))"
    }
}
