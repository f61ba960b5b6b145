import Synchronization

/// Which resources a group version has: remembered, because it is asked before nearly every action.
final class DiscoveryCache: Sendable {
    private let plurals = Mutex<[String: Set<String>]>([:])

    subscript(_ apiVersion: String) -> Set<String>? {
        get { self.plurals.withLock { $0[apiVersion] } }
        set { self.plurals.withLock { $0[apiVersion] = newValue } }
    }
}
