import Synchronization

/// Something that is done once, from wherever it is first asked for.
final class Once: Sendable {
    private let isTaken = Mutex(false)

    /// Whether it was done.
    var isDone: Bool { self.isTaken.withLock { $0 } }

    /// True the first time it is asked.
    func take() -> Bool {
        self.isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
