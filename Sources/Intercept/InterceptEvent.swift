/// What happens during an intercept, for whoever renders it.
public enum InterceptEvent: Sendable, Hashable {
    /// A step of the start began.
    case step(String)
    /// Something that does not stop the intercept but that the user should know.
    case warning(String)
    /// Requests that match are answered by this machine from now on.
    case ready(Ready)
    /// What the Service leads to, as in `deployment/leaf`, has been restarted: no Pod of before is left.
    case targetRestarted([String])
    /// A tunnel to a replica is up.
    case tunnelUp(pod: String)
    /// A tunnel to a replica is down; it is dialled again.
    case tunnelDown(pod: String, reason: String)
    /// The intercept ends by itself: a limit that was set for it is reached.
    case finished(String)
    /// Nothing accepts connections on a local port; the original answers meanwhile.
    case localPortLost(Int)
    /// A local port that was lost accepts connections again.
    case localPortBack(Int)
    /// Nothing has been diverted for a while: what arrived instead. Told again now and then, while that lasts.
    case nearMiss(TrafficReport)
    /// The intercept ends: what it has seen.
    case summary(TrafficReport)
    /// This machine and the original both answered a request.
    case compared(MirroredAnswer)
    /// So many requests that a mirror matched were not compared, and why, as in `too-long`.
    case notCompared(reason: String, count: Int)
    /// What a mirror has found, at its end.
    case mirrorEnded(MirrorSummary)
    /// The Service is what it was.
    case restored
    /// Bystander connections are still open in the interceptor; it removes itself when they have ended.
    case draining(replicas: Int)
    /// The Service is restored; the interceptor's last Pods are ending, and Kubernetes removes what is left.
    case ending
    /// Nothing of the intercept is left in the cluster.
    case gone

    /// What is in place once an intercept is ready.
    public struct Ready: Sendable, Hashable {
        /// The Service, `namespace/name`.
        public var service: String
        /// `port → local port`, in the Service's order.
        public var ports: [String]
        /// The match, as text.
        public var match: String
        /// The Session's name.
        public var session: String
        /// How many replicas hold a tunnel.
        public var replicas: Int
        /// Whether this machine gets copies, and the original answers.
        public var isMirror = false
    }
}
