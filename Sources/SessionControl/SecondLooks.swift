import KubernetesModel

/// How often one job looks again at what became of a change whose answer was lost, before the trouble is its caller's.
struct SecondLooks {
    private var left = 3

    /// Whether to look again, and not to fail of this.
    mutating func allow(_ error: KubernetesError) -> Bool {
        guard error.isOutcomeUnknown, self.left > 0 else { return false }
        self.left -= 1
        return true
    }
}
