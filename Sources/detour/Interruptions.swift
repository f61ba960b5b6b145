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
    private let isGuarded: @Sendable () -> Bool
    private struct State {
        var count = 0
        var signal: Int32?
        var isReady = false
        var isRestored = false
    }

    private let state = Mutex(State())

    /// None so far, of an intercept with these options.
    ///
    /// - Parameter isGuarded: whether somebody goes on putting things back after this program.
    init(
        _ options: InterceptOptions,
        namespace: String,
        isGuarded: @escaping @Sendable () -> Bool = { false }
    ) {
        self.isGuarded = isGuarded
        self.service = options.service
        self.namespace = options.namespace ?? namespace
        self.ttlSeconds = options.ttlSeconds
    }

    /// The interceptor serves, and would end the intercept by itself.
    func ready() {
        self.state.withLock { $0.isReady = true }
    }

    /// The Service is what it was.
    func restored() {
        self.state.withLock { $0.isRestored = true }
    }

    /// The status of a program that the first of them ended; nil while there was none.
    var status: Int32? { self.state.withLock { $0.signal.map { 128 + $0 } } }

    /// One more, by its number.
    func next(_ signal: Int32) -> Answer {
        let state = self.state.withLock { state in
            state.count += 1
            state.signal = state.signal ?? signal
            return state
        }
        let (isReady, isRestored) = (state.isReady, state.isRestored)
        switch state.count {
        case 1: return .leave
        case 2 where isRestored:
            return .say("the Service is back already; once more does not wait for the interceptor's Pods to end")
        case _ where isRestored: return .abandon("not waited for: the interceptor's Pods end by themselves")
        case 2 where self.isGuarded():
            return .say("still putting things back; once more leaves that to a process in the background")
        case _ where self.isGuarded():
            return .abandon(
                "left to a process in the background, which goes on putting things back for ten minutes at most; "
                    + "`\(self.close)` does it at once"
            )
        case 2 where isReady:
            return .say(
                "still putting the Service back; once more leaves that to the cluster, which does it within "
                    + "\(Seconds(self.restoring))"
            )
        case 2: return .say("still removing what was made; once more leaves it there")
        case _ where isReady:
            return .abandon(
                "left as it is: the interceptor restores service \(self.service) in namespace \(self.namespace) within "
                    + "\(Seconds(self.restoring)); `\(self.close)` does it at once"
            )
        default: return .abandon("left as it is: `\(self.close)` removes what was made")
        }
    }

    private var close: String { "detour session close \(self.service) -n \(self.namespace)" }

    /// What is promised for a laptop that is gone: the ttl, and 15 s to notice and to act.
    private var restoring: Int { self.ttlSeconds + 15 }
}
