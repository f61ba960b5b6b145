import Foundation
import Synchronization

/// A number that one thread sets and another reads.
final class Outcome: Sendable {
    private let state = Mutex<Int32?>(nil)

    var value: Int32? { self.state.withLock { $0 } }

    func set(_ value: Int32) { self.state.withLock { $0 = value } }

    func add(_ value: Int32) { self.state.withLock { $0 = ($0 ?? 0) + value } }
}

/// Holds threads until it is opened.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() {
        self.semaphore.wait()
        self.semaphore.signal()
    }

    func open() { self.semaphore.signal() }
}
