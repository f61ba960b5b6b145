import HTTP2Wire
import ProxyCore

/// Windows: how much each end is told that it may send.
///
/// As a rule a body's sender may send `Bounds.streamWindow` more than its receiver has taken, so that two short ways are as fast as one.
/// When much is held, each sender hears its receiver's own windows instead: streams that nobody reads then hold nothing more, and do not
/// stand in the way of others.
extension HTTP2Relay {
    /// A part of a body has gone on: its sender may send as much again.
    mutating func passed(_ id: UInt32, _ direction: Direction, _ count: Int) {
        guard let stream = self.streams[id], !stream.isSynthetic || direction == .up else {
            return
        }
        let sender = direction == .up ? Peer.client : stream.server
        guard self.has(sender) else {
            return
        }
        self[sender].held -= count
        self.grant(id, direction)
        self.release(sender)
    }

    /// Tells a body's sender of the room there is for it, if that is worth a frame.
    mutating func grant(_ id: UInt32, _ direction: Direction) {
        guard let index = self.streams.index(forKey: id), !self.streams.values[index][direction].hasEnded,
            !self.streams.values[index].isSynthetic || direction == .up, self.streams.values[index].resetAfter == nil
        else {
            return
        }
        let isOpen = self.streams.values[index].serverStream != nil
        let sender = direction == .up ? Peer.client : self.streams.values[index].server
        let wire = direction == .up ? id : self.streams.values[index].serverStream
        guard let wire, self.has(sender), sender != .original || !self.hasPassedClientEnd else {
            return
        }
        let receiver = direction == .up ? self.streams.values[index].server : .client
        let isPressed = self[sender].isPressed
        var room = Bounds.streamWindow
        if isPressed {
            let window = self.sendWindow(self.streams.values[index][direction], at: receiver)
            room = isOpen ? min(room, max(window, 0)) : 0
        }
        let missing = room - self.streams.values[index][direction].promised
        if missing > 0, missing >= room / 2 {
            self.streams.values[index][direction].receiveWindow += missing
            self[sender].writeWindowUpdate(stream: wire, UInt32(missing))
        }
        if isPressed, isOpen { self.rankRoom(id, self.streams.values[index][direction], at: receiver) }
    }

    /// Makes room on the connection for what has come, unless too much of it is still here.
    mutating func release(_ peer: Peer) {
        let credit = self[peer].credit
        guard credit >= Bounds.connectionWindow / 2, self[peer].held <= Bounds.heldBytes,
            peer != .original || !self.hasPassedClientEnd
        else {
            return
        }
        self[peer].credit = 0
        self[peer].receiveWindow += credit
        self[peer].writeWindowUpdate(stream: 0, UInt32(credit))
    }

    /// No news of room can follow the client's end: the original gets to know all the room that the client has given.
    mutating func passLastWindows() {
        for (number, id) in self.original.streams {
            guard let flow = self.streams[id]?.down, !flow.hasEnded else { continue }
            let missing = min(self.sendWindow(flow, at: .client) - flow.promised, Bounds.largestWindow)
            guard missing > 0 else { continue }
            self.streams[id]?.down.receiveWindow += missing
            self.original.writeWindowUpdate(stream: number, UInt32(missing))
        }
        let missing = self.client.sendWindow - self.original.receiveWindow - self.original.held
        guard missing > 0 else {
            return
        }
        self.original.receiveWindow += missing
        self.original.writeWindowUpdate(stream: 0, UInt32(missing))
    }

    /// Ends the largest upload that a laptop does not take when together they would stop the client's other streams.
    mutating func makeRoom() {
        guard self.client.held > Bounds.heldBytes else {
            return
        }
        let diverted = self.streams.values.filter { $0.course.isDiverted }
        guard diverted.reduce(0, { $0 + $1.up.queued }) > Bounds.heldBytes / 2,
            let largest = diverted.max(by: { $0.up.queued < $1.up.queued })?.id
        else {
            return
        }
        switch self.streams[largest]?.course.refused(.localRefused) {
        // It has been sent, so nobody else can have it.
        case nil, .nothing:
            self.streams[largest]?.flags.insert(.upstreamFailure)
            self.abort(largest, .enhanceYourCalm)
        case let move: self.perform(move, largest)
        }
    }
}

/// Pressure: too much is held of what an end has sent.
extension HTTP2Relay {
    mutating func weighAll() {
        guard self.phase == .relaying else {
            return
        }
        self.weigh(.client)
        self.weigh(.original)
        for number in self.laptops.keys { self.weigh(.laptop(number)) }
    }

    /// Takes from a sender the room that we gave it, or gives it back.
    private mutating func weigh(_ peer: Peer) {
        let isPressed = self[peer].isPressed
        let held = self[peer].held
        // One change at a time: until the last is acknowledged nobody knows by which rule its bodies come.
        guard isPressed ? held < Bounds.relief : held > Bounds.pressure,
            self[peer].sentSettings == self[peer].acknowledgedSettings, peer != .original || !self.hasPassedClientEnd
        else {
            return
        }
        let size = isPressed ? Bounds.streamWindow : 0
        self[peer].initialReceiveWindow = size
        self[peer].writeSettings([Setting(.initialWindowSize, UInt32(size))])
        if !isPressed { self[peer].pressingSettings = self[peer].sentSettings }
        let change = isPressed ? Bounds.streamWindow : -Bounds.streamWindow
        let direction: Direction = peer == .client ? .up : .down
        var index = self.streams.startIndex
        while index != self.streams.endIndex {
            if direction == .up || self.streams.values[index].server == peer {
                self.streams.values[index][direction].receiveWindow += change
                self.grant(self.streams.keys[index], direction)
            }
            self.streams.formIndex(after: &index)
        }
    }
}

extension Flow {
    /// What is here and what may still come.
    var promised: Int {
        self.queued + self.receiveWindow
    }
}

extension Link {
    /// Whether the other end is told its receivers' windows instead of ours.
    var isPressed: Bool {
        self.initialReceiveWindow == 0
    }

    /// How far below zero a body may be: its sender need not have read yet that we took room from it, and may have counted
    /// frames before it did that it sends after saying so (as Go's client does).
    var tolerance: Int {
        self.isPressed || self.acknowledgedSettings < self.pressingSettings ? Bounds.streamWindow : 0
    }
}
