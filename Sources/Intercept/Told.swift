import Synchronization

/// What has been said, where it is to be said once.
final class Told: Sendable {
    private let texts = Mutex<Set<String>>([])

    func isNew(_ text: String) -> Bool { self.texts.withLock { $0.insert(text).inserted } }
}
