import HTTP2Wire
import NIOCore

/// Which way a body goes.
enum Direction {
    /// From the client.
    case up
    /// To the client.
    case down
}

extension RelayedStream {
    subscript(direction: Direction) -> Flow {
        _read {
            switch direction {
            case .up: yield self.up
            case .down: yield self.down
            }
        }
        _modify {
            switch direction {
            case .up: yield &self.up
            case .down: yield &self.down
            }
        }
    }
}

/// Bodies: each end may send what the other has taken, and a little more.
extension HTTP2Relay {
    mutating func receiveData(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        self[peer].receiveWindow -= header.length
        self[peer].credit += header.length
        guard self[peer].receiveWindow >= 0 else { return self.fail(peer, .flowControl) }
        guard let body = payload.unpadded(header.flags) else { return self.fail(peer, .protocolError) }
        guard let id = self.streamID(peer, header.stream) else {
            if peer == .client, !self.isKnown(header.stream) { return self.fail(peer, .protocolError) }
            return self.release(peer)
        }
        let direction: Direction = peer == .client ? .up : .down
        self.keep(body, header, id, direction, self[peer].tolerance)
        if self.has(peer) { self.release(peer) }
        if peer == .client { self.makeRoom() }
    }

    private mutating func keep(
        _ body: ByteBuffer,
        _ header: FrameHeader,
        _ id: UInt32,
        _ direction: Direction,
        _ tolerance: Int
    ) {
        guard self.streams[id]?[direction].hasEnded == false else { return self.abort(id, .streamClosed) }
        guard direction == .up || self.streams[id]?.hasResponse == true else { return self.abort(id, .protocolError) }
        self.streams[id]?[direction].receiveWindow -= header.length
        guard header.length == 0 || self.streams[id]?[direction].receiveWindow ?? 0 >= -tolerance else {
            return self.abort(id, .flowControl)
        }
        if self.streams[id]?.copy != nil {
            self.copy(id, direction, body: body, endsStream: header.flags.contains(.endStream))
        }
        if body.readableBytes > 0, self.streams[id]?.resetAfter == nil {
            self.streams[id]?[direction].append(body)
            switch direction {
            case .up:
                self.client.held += body.readableBytes
                self.streams[id]?.bytesIn += body.readableBytes
            case .down:
                if let server = self.streams[id]?.server { self[server].held += body.readableBytes }
                self.streams[id]?.bytesOut += body.readableBytes
            }
        }
        if header.flags.contains(.endStream) { self.streams[id]?[direction].hasEnded = true }
        if header.flags.contains(.padded) { self.grant(id, direction) }
        self.markReady(id, direction)
    }

    /// Puts the stream into the list of those that have something to send in this direction.
    mutating func markReady(_ id: UInt32, _ direction: Direction) {
        guard let index = self.streams.index(forKey: id), self.streams.values[index][direction].isPending,
            !self.streams.values[index][direction].isReady
        else {
            return
        }
        let server = self.streams.values[index].server
        guard direction == .down || self.streams.values[index].serverStream != nil else {
            return
        }
        self.streams.values[index][direction].isReady = true
        self[direction == .down ? .client : server].ready.append(id)
    }

    /// Sends what the windows and the sockets take, the streams in turn.
    mutating func flush() {
        guard self.phase == .relaying else {
            return
        }
        self.flush(to: .client, .down)
        self.flush(to: .original, .up)
        for number in self.laptops.keys { self.flush(to: .laptop(number), .up) }
    }

    private mutating func flush(to peer: Peer, _ direction: Direction) {
        self.grantRoom(at: peer, direction)
        while self.has(peer), self[peer].takesData, let id = self[peer].nextReady() {
            guard let index = self.streams.index(forKey: id), self.streams.values[index][direction].isReady,
                direction == .down || self.streams.values[index].server == peer
            else { continue }
            let wire = direction == .down ? id : self.streams.values[index].serverStream
            guard let wire else { continue }
            self.looks += 1
            let window = self.sendWindow(self.streams.values[index][direction], at: peer)
            let allowance = min(self[peer].sendWindow, window, FrameHeader.smallestMaximum)
            if allowance <= 0, !self.streams.values[index][direction].queue.isEmpty {
                if window <= 0 {
                    self[peer].starved.set(id, self.streams.values[index][direction].balance)
                } else {
                    self.block(id, peer)
                }
                continue
            }
            self.streams.values[index][direction].isReady = false
            let sent = self.streams.values[index][direction].next(allowance)
            switch sent {
            case .nothing: continue
            case .data(let bytes, let endsStream):
                self[peer].sendWindow -= bytes.readableBytes
                self[peer].writeData(stream: wire, bytes, endsStream: endsStream)
                self.passed(id, direction, bytes.readableBytes)
            case .trailers(let fields): self[peer].writeFields(stream: wire, fields, endsStream: true)
            }
            self.markReady(id, direction)
            self.settle(id)
        }
    }

    /// Sets a body aside until the connection's window opens.
    private mutating func block(_ id: UInt32, _ peer: Peer) {
        if self[peer].blocked.count > 2 * self.streams.count + 64 {
            // A window that never opens must not keep the numbers of streams that were reset.
            let streams = self.streams
            self[peer].blocked.removeAll { streams[$0] == nil }
        }
        self[peer].blocked.append(id)
    }
}

extension Flow {
    enum Part {
        case nothing
        case data(ByteBuffer, endsStream: Bool)
        case trailers(FieldList)
    }

    /// Keeps a part of the body; small parts are joined, so that many of them cost no more than their bytes.
    mutating func append(_ body: ByteBuffer) {
        self.queued += body.readableBytes
        if let last = self.queue.last, last.readableBytes + body.readableBytes <= FrameHeader.smallestMaximum {
            self.queue[self.queue.index(before: self.queue.endIndex)].writeImmutableBuffer(body)
        } else {
            self.queue.append(body)
        }
    }

    /// What goes next, at most `allowance` bytes of a body.
    mutating func next(_ allowance: Int) -> Part {
        if self.queue.isEmpty {
            guard self.hasEnded, !self.isDone else {
                return .nothing
            }
            self.isDone = true
            return self.trailers.map { .trailers($0) } ?? .data(ByteBuffer(), endsStream: true)
        }
        let count = min(allowance, self.queue[self.queue.startIndex].readableBytes)
        guard count > 0, let bytes = self.queue[self.queue.startIndex].readSlice(length: count) else {
            return .nothing
        }
        if self.queue[self.queue.startIndex].readableBytes == 0 { self.queue.removeFirst() }
        self.queued -= count
        self.balance -= count
        self.isDone = self.queue.isEmpty && self.hasEnded && self.trailers == nil
        return .data(bytes, endsStream: self.isDone)
    }
}
