import Synchronization

/// Something that is done once, from wherever it is first asked for.
final class Once: Sendable {
    private let isTaken = Mutex(false)

    /// True the first time it is asked.
    func take() -> Bool {
        self.isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
