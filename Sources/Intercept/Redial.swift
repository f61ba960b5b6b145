import KubernetesModel
import Tunnel

/// How long to wait before a replica is dialled again: a value, told of each failure.
struct Redial: Sendable {
    /// What a tunnel that is not there, or no longer, says of the way to it.
    enum Failure: Sendable, Hashable {
        /// Nobody answered: it is the network that is waited for.
        case silence
        /// There are no credentials: a plugin was run for them, and may have opened a browser.
        case credentials
        /// Somebody answered.
        case answer

        /// - Parameter error: why no connection to a replica was opened.
        init(opening error: any Error) {
            switch error {
            case let error as KubernetesError where error.code == .credentials: self = .credentials
            case let error as KubernetesError: self = error.isUnreachable || error.isTimeout ? .silence : .answer
            default: self = .silence
            }
        }
    }

    /// A network may be back at any moment.
    private static let longestSilence = Duration.seconds(1)

    private var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5))

    /// A replica that was not dialled yet.
    init() {}

    /// There was a tunnel.
    mutating func succeeded() {
        self.backoff.reset()
    }

    /// The wait after one more failure.
    mutating func pause(after failure: Failure) -> Duration {
        let pause = self.backoff.next()
        return failure == .silence ? min(pause, Self.longestSilence) : pause
    }
}
