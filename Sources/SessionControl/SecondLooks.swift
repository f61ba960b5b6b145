import KubernetesModel

/// How often one job looks again at what became of a change whose answer was lost, before the trouble is its caller's.
struct SecondLooks {
    private var left = 3
    private static let longestPause = Duration.seconds(10)

    /// Whether to look again, and not to fail of this.
    mutating func allow(_ error: KubernetesError) -> Bool {
        guard error.isOutcomeUnknown, self.left > 0 else { return false }
        self.left -= 1
        return true
    }

    /// How long to wait before looking again, where a busy server has turned a change away unread and said when to come back;
    /// nil where it is the caller's trouble.
    mutating func pause(after error: KubernetesError) -> Duration? {
        guard error.code == .tooManyRequests, let pause = error.retryAfter, pause <= Self.longestPause, self.left > 0
        else { return nil }
        self.left -= 1
        return pause
    }
}
