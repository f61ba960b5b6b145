import Synchronization

/// True the first time it is asked.
final class Once: Sendable {
    private let isTaken = Mutex(false)

    func take() -> Bool {
        self.isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
