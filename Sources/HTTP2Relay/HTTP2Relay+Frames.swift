import HTTP2Wire
import NIOCore
import ProxyCore

/// One frame after the other, by type.
extension HTTP2Relay {
    /// Reads the next whole frame of an end; `false` when there is none.
    mutating func readFrame(_ peer: Peer) -> Bool {
        guard self.has(peer) else {
            return false
        }
        if case .laptop(let number) = peer, self.laptops[number]?.hasGreeted == false {
            return self.readLaptopGreeting(number)
        }
        switch self[peer].nextFrame() {
        case .more: return false
        case .tooLong:
            self.fail(peer, .frameSize)
            return true
        case .frame(let header, let payload):
            self.handle(header, payload, peer)
            return true
        }
    }

    private mutating func handle(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        if let block = self[peer].block, header.type != .continuation || header.stream != block.stream {
            return self.fail(peer, .protocolError)
        }
        switch header.type {
        case .data: self.receiveData(header, payload, peer)
        case .headers: self.receiveHeaders(header, payload, peer)
        case .continuation: self.receiveContinuation(header, payload, peer)
        case .resetStream: self.receiveReset(header, payload, peer)
        case .settings: self.receiveSettings(header, payload, peer)
        case .ping: self.receivePing(header, payload, peer)
        case .goAway: self.receiveGoAway(header, payload, peer)
        case .windowUpdate: self.receiveWindowUpdate(header, payload, peer)
        case .pushPromise: self.fail(peer, .protocolError)
        default: break
        }
    }

    private mutating func receiveReset(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        var payload = payload
        guard header.length == 4, let number = payload.readInteger(as: UInt32.self) else {
            return self.fail(peer, .frameSize)
        }
        let code = ErrorCode(rawValue: number)
        guard let id = self.streamID(peer, header.stream) else {
            if peer == .client, !self.isKnown(header.stream) { self.fail(peer, .protocolError) }
            return
        }
        guard peer != .client else {
            self.streams[id]?.flags.insert(.clientClosed)
            self.resetServer(id, code)
            return self.close(id)
        }
        guard self.streams[id]?.down.hasEnded == true else {
            self.streams[id]?.flags.insert(.upstreamClosed)
            self.client.writeReset(stream: id, code)
            return self.close(id)
        }
        self.detach(id, code)
    }

    /// PING measures the way to the other end and proves that it lives, so it goes there; a laptop's ends here.
    private mutating func receivePing(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        var payload = payload
        guard header.stream == 0 else { return self.fail(peer, .protocolError) }
        guard header.length == 8, let data = payload.readInteger(as: UInt64.self) else {
            return self.fail(peer, .frameSize)
        }
        let isAnswer = header.flags.contains(.acknowledgement)
        switch peer {
        case .laptop:
            if !isAnswer { self[peer].writePing(data, isAcknowledgement: true) }
        case .original: self.client.writePing(data, isAcknowledgement: isAnswer)
        case .client where isAnswer && self.awaitsDrainPing && data == Self.drainPing:
            self.awaitsDrainPing = false
            self.sayGoAway(.noError)
        case .client where self.original.hasEnded:
            if !isAnswer { self.client.writePing(data, isAcknowledgement: true) }
        case .client: self.original.writePing(data, isAcknowledgement: isAnswer)
        }
    }

    private mutating func receiveGoAway(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        var payload = payload
        guard header.stream == 0 else { return self.fail(peer, .protocolError) }
        guard let (last, number) = payload.readMultipleIntegers(as: (UInt32, UInt32).self) else {
            return self.fail(peer, .frameSize)
        }
        let code = ErrorCode(rawValue: number)
        switch peer {
        // The only streams a client could refuse are pushed ones, and there are none.
        case .client: self.original.writeGoAway(last: 0, code, debug: payload)
        case .original: self.originalGoesAway(last: last & Bounds.largestStream, code, payload)
        case .laptop(let number): self.laptopGoesAway(number, last: last & Bounds.largestStream)
        }
    }

    private mutating func receiveWindowUpdate(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        var payload = payload
        guard header.length == 4, let number = payload.readInteger(as: UInt32.self) else {
            return self.fail(peer, .frameSize)
        }
        let increment = Int(number & Bounds.largestStream)
        guard header.stream != 0 else {
            self[peer].sendWindow += increment
            if increment == 0 { self.fail(peer, .protocolError) }
            if self.has(peer), self[peer].sendWindow > Bounds.largestWindow { self.fail(peer, .flowControl) }
            return
        }
        guard let id = self.streamID(peer, header.stream) else {
            if peer == .client, !self.isKnown(header.stream) { self.fail(peer, .protocolError) }
            return
        }
        let direction: Direction = peer == .client ? .down : .up
        guard increment > 0 else { return self.abort(id, .protocolError) }
        guard self.widen(id, direction, at: peer, by: increment) else { return self.abort(id, .flowControl) }
        if self[direction == .up ? .client : self.streams[id]?.server ?? .original].isPressed {
            self.grant(id, direction)
        }
    }

    /// Whether the client has opened this stream at some time, or may still be sending on it without knowing better.
    func isKnown(_ stream: UInt32) -> Bool {
        stream != 0 && stream % 2 == 1 && (stream <= self.lastStream || self.client.hasGoAway)
    }
}
