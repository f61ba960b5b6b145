import HTTP2Wire
import ProxyCore

/// Windows of streams, which begin with what SETTINGS say and change with it: RFC 9113 section 6.9.2.
///
/// A stream keeps only how its window differs from the initial one. So a change of that is a single number however many streams there
/// are, and those that it concerns are found by rank: nobody walks over streams on which nothing can happen, and an end that changes
/// its mind thousands of times gets no more out of us than one frame each.
extension HTTP2Relay {
    /// How much of this body its receiver takes now; below zero where it has changed its mind.
    func sendWindow(_ flow: Flow, at receiver: Peer) -> Int {
        self[receiver].initialSendWindow + flow.balance
    }

    /// A change holds for the bodies under way too; `false` when a window is now larger than there may be.
    ///
    /// What can go on because of it does when next something is sent.
    mutating func setInitialWindow(_ size: Int, of peer: Peer) -> Bool {
        self[peer].initialSendWindow = size
        let direction: Direction = peer == .client ? .down : .up
        while let (id, balance) = self[peer].widest.first, balance + size > Bounds.largestWindow {
            self.looks += 1
            // What has been sent since it was ranked has made it smaller.
            let now = self.streams[id]?[direction].balance ?? 0
            guard now < balance else {
                return false
            }
            self[peer].rankWidth(id, now)
        }
        return true
    }

    /// The receiver takes more of a body; `false` when its window is now larger than there may be.
    mutating func widen(_ id: UInt32, _ direction: Direction, at peer: Peer, by increment: Int) -> Bool {
        guard let index = self.streams.index(forKey: id) else {
            return true
        }
        self.streams.values[index][direction].balance += increment
        let balance = self.streams.values[index][direction].balance
        let window = balance + self[peer].initialSendWindow
        guard window <= Bounds.largestWindow else {
            return false
        }
        self[peer].rankWidth(id, balance)
        if !self[peer].starved.contains(id) {
            self.markReady(id, direction)
        } else if window > 0 {
            // It has waited like all others that can go on now, and takes its turn behind them.
            self[peer].starved.remove(id)
            self[peer].ready.append(id)
        } else {
            self[peer].starved.set(id, balance)
        }
        return true
    }

    /// Tells the senders of bodies of the room that a larger initial window of their receiver's has made.
    mutating func grantRoom(at peer: Peer, _ direction: Direction) {
        guard self.has(peer) else {
            return
        }
        // Whoever has been told is ranked anew, below what there is.
        for _ in 0..<self[peer].roomless.count {
            guard let id = self[peer].roomless.pop(above: -self[peer].initialSendWindow) else { return }
            self.looks += 1
            self.grant(id, direction)
        }
    }

    /// Remembers at which initial window of its receiver's a body's sender is to be told of room again.
    mutating func rankRoom(_ id: UInt32, _ flow: Flow, at receiver: Peer) {
        guard self.has(receiver) else {
            return
        }
        // The least room that is worth a frame; see `grant(_:_:)`.
        let least = max(flow.promised + 1, 2 * flow.promised - 1)
        if least <= Bounds.streamWindow {
            self[receiver].roomless.set(id, flow.balance + 1 - least)
        } else {
            self[receiver].roomless.remove(id)
        }
    }
}

extension Link {
    /// Keeps how much larger than the initial window a stream's is, as that may become too much.
    mutating func rankWidth(_ id: UInt32, _ balance: Int) {
        if balance > 0 {
            self.widest.set(id, balance)
        } else {
            self.widest.remove(id)
        }
    }

    /// Nothing more goes out here on this stream of the client's.
    mutating func forgetWindows(_ id: UInt32) {
        self.starved.remove(id)
        self.widest.remove(id)
        self.roomless.remove(id)
    }
}
