import Foundation
import Synchronization

/// A TCP connection that can be cut, or stop carrying anything while it stays open.
final class Cable: Sendable {
    private struct State {
        var sockets: [PosixSocket] = []
        var isFrozen = false
    }

    private let state = Mutex(State())
    private let server: Mutex<PosixServer?> = Mutex(nil)

    var port: Int { self.server.withLock { $0?.port ?? 0 } }

    init(to port: Int) throws {
        let server = try PosixServer { [weak self] near in
            guard let self, let far = try? PosixSocket.connect(port: port) else { return near.close() }
            self.state.withLock { $0.sockets += [near, far] }
            let group = DispatchGroup()
            group.enter()
            Thread.detachNewThread {
                self.carry(far, near)
                group.leave()
            }
            self.carry(near, far)
            group.wait()
            self.state.withLock { state in
                // Under the lock, so that `cut` never breaks off a number that is another connection's by now.
                state.sockets.removeAll { $0 === near || $0 === far }
                near.close()
                far.close()
            }
        }
        self.server.withLock { $0 = server }
    }

    private func carry(_ source: PosixSocket, _ target: PosixSocket) {
        while let bytes = try? source.read(), !bytes.isEmpty {
            if self.state.withLock({ $0.isFrozen }) { continue }
            guard (try? target.write(bytes)) != nil else { break }
        }
        if !self.state.withLock({ $0.isFrozen }) { target.shutdownOutput() }
    }

    /// Loses every byte from now on.
    func freeze() {
        self.state.withLock { $0.isFrozen = true }
    }

    /// Resets both halves.
    func cut() {
        self.state.withLock { state in
            state.isFrozen = true
            for socket in state.sockets { socket.breakOff() }
            state.sockets = []
        }
        self.server.withLock { $0?.close() }
    }
}
