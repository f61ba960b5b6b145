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
    private let count = Mutex(0)

    /// None so far, of an intercept with these options.
    init(_ options: InterceptOptions, namespace: String) {
        self.service = options.service
        self.namespace = options.namespace ?? namespace
        self.ttlSeconds = options.ttlSeconds
    }

    /// One more.
    func next() -> Answer {
        let count = self.count.withLock { count in
            count += 1
            return count
        }
        switch count {
        case 1: return .leave
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
