import Intercept
import Synchronization

/// What each Ctrl-C does, one after the other: the first ends the intercept, the second is answered, the third ends the
/// program although the Service may not be back yet. Two in a row, as many people press them, do no harm.
final class Interruptions: Sendable {
    /// What to do.
    enum Answer: Equatable {
        /// End the intercept, and put everything back.
        case leave
        /// Say this, and go on.
        case say(String)
        /// Say this, and end the program at once.
        case abandon(String)
    }

    private let service: String
    private let namespace: String
    private let ttlSeconds: Int
    private let state = Mutex((count: 0, isRestored: false))

    /// None so far, of an intercept with these options.
    init(_ options: InterceptOptions, namespace: String) {
        self.service = options.service
        self.namespace = options.namespace ?? namespace
        self.ttlSeconds = options.ttlSeconds
    }

    /// The Service is what it was.
    func restored() {
        self.state.withLock { $0.isRestored = true }
    }

    /// One more.
    func next() -> Answer {
        let (count, isRestored) = self.state.withLock { state in
            state.count += 1
            return state
        }
        switch count {
        case 1: return .leave
        case 2 where isRestored:
            return .say("the Service is back already; once more does not wait for the interceptor's Pods to end")
        case _ where isRestored: return .abandon("not waited for: the interceptor's Pods end by themselves")
        case 2:
            return .say(
                "still putting the Service back; once more leaves that to the cluster, which does it within "
                    + "\(Seconds(self.ttlSeconds))"
            )
        default:
            return .abandon(
                "left as it is: the interceptor restores service \(self.service) in namespace \(self.namespace) within "
                    + "\(Seconds(self.ttlSeconds)); `detour session close \(self.service) -n \(self.namespace)` does it at once"
            )
        }
    }
}
