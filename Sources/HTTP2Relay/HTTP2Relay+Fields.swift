import HTTP2Wire
import NIOCore
import ProxyCore

/// Field blocks: requests, responses, trailers.
extension HTTP2Relay {
    mutating func receiveHeaders(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        guard header.stream != 0, var fragment = payload.unpadded(header.flags) else {
            return self.fail(peer, .protocolError)
        }
        if header.flags.contains(.priority) {
            // Advice that RFC 9113 has withdrawn; it named streams by numbers that mean nothing to the server.
            guard fragment.readSlice(length: 5) != nil else { return self.fail(peer, .frameSize) }
        }
        let endsStream = header.flags.contains(.endStream)
        if header.flags.contains(.endHeaders) {
            return fragment.withUnsafeReadableBytes { self.receiveBlock($0, header.stream, endsStream, peer) }
        }
        self[peer].block = Link.Block(
            stream: header.stream,
            endsStream: endsStream,
            bytes: Array(fragment.readableBytesView)
        )
    }

    mutating func receiveContinuation(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        guard var block = self[peer].block else { return self.fail(peer, .protocolError) }
        self[peer].block = nil
        block.bytes.append(contentsOf: payload.readableBytesView)
        block.fragments += 1
        guard block.bytes.count <= Bounds.compressedBlock, block.fragments <= Bounds.fragments else {
            return self.fail(peer, .enhanceYourCalm)
        }
        guard header.flags.contains(.endHeaders) else {
            self[peer].block = block
            return
        }
        block.bytes.withUnsafeBytes { self.receiveBlock($0, block.stream, block.endsStream, peer) }
    }

    private mutating func receiveBlock(
        _ bytes: UnsafeRawBufferPointer,
        _ stream: UInt32,
        _ endsStream: Bool,
        _ peer: Peer
    ) {
        guard let block = try? self[peer].decoder.decode(bytes, limit: Bounds.fieldBlock) else {
            return self.fail(peer, .compression)
        }
        if peer == .client {
            self.receiveRequest(block, stream, endsStream)
        } else if let id = self[peer].streams[stream] {
            guard !block.isTooLong else { return self.abort(id, .internalError) }
            self.receiveResponse(block.fields, id, endsStream, peer)
        }
    }

    private mutating func receiveRequest(_ block: HPACKDecoder.Block, _ id: UInt32, _ endsStream: Bool) {
        guard id % 2 == 1 else { return self.fail(.client, .protocolError) }
        guard self.streams[id] == nil else {
            guard !block.isTooLong else { return self.abort(id, .protocolError) }
            return self.receiveTrailers(block.fields, id, endsStream, .up)
        }
        // A stream that is over here may still be open in the client's view; one after our GOAWAY is not looked at.
        guard id > self.lastStream, !self.client.hasGoAway else {
            return
        }
        self.lastStream = id
        self.streams[id] = RelayedStream(
            id: id,
            request: block.fields,
            endsStream: endsStream,
            client: self.client
        )
        guard !block.isTooLong else {
            return self.respond(id, .fieldsTooLarge)
        }
        self.routing = id
        self.actions.append(.route(id, block.fields))
    }

    private mutating func receiveTrailers(
        _ fields: FieldList,
        _ id: UInt32,
        _ endsStream: Bool,
        _ direction: Direction
    ) {
        guard endsStream, self.streams[id]?[direction].hasEnded == false else {
            return self.abort(id, .protocolError)
        }
        self.copy(id, direction, fields: fields, endsStream: true)
        self.streams[id]?[direction].trailers = fields
        self.streams[id]?[direction].hasEnded = true
        self.markReady(id, direction)
    }

    private mutating func receiveResponse(_ fields: FieldList, _ id: UInt32, _ endsStream: Bool, _ peer: Peer) {
        guard self.streams[id]?.hasResponse == false else {
            return self.receiveTrailers(fields, id, endsStream, .down)
        }
        var fields = fields
        let status = fields.status ?? 0
        self.streams[id]?.course.began()
        if (100..<200).contains(status), !endsStream {
            return self.client.writeFields(stream: id, fields, endsStream: false)
        }
        self.streams[id]?.hasResponse = true
        self.streams[id]?.status = status
        self.copy(id, .down, fields: fields, endsStream: endsStream)
        if peer == .original, let reason = self.streams[id]?.course.fallback {
            fields.append("x-detour-served-by", "original", .literal)
            fields.append("x-detour-reason", "\(reason.token)", .literal)
        }
        self.client.writeFields(stream: id, fields, endsStream: endsStream)
        if endsStream {
            self.streams[id]?.down.hasEnded = true
            self.streams[id]?.down.isDone = true
            self.settle(id)
        }
    }
}

extension ByteBuffer {
    /// The payload without its padding; nil when there is more padding than payload. RFC 9113 section 6.1.
    func unpadded(_ flags: FrameFlags) -> ByteBuffer? {
        guard flags.contains(.padded) else {
            return self
        }
        var payload = self
        guard let padding = payload.readInteger(as: UInt8.self), Int(padding) <= payload.readableBytes else {
            return nil
        }
        return payload.readSlice(length: payload.readableBytes - Int(padding))
    }
}
