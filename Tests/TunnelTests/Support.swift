import NIOCore

@testable import Tunnel

/// A frame's bytes: a header that may be wrong on purpose, and what follows it.
func frame(
    version: UInt8 = 0,
    type: UInt8,
    flags: UInt16 = 0,
    stream: UInt32 = 0,
    length: UInt32 = 0,
    payload: [UInt8] = []
) -> [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(version, type, flags, stream, length)
    buffer.writeBytes(payload)
    return Array(buffer.readableBytesView)
}

func data(_ stream: UInt32, _ payload: [UInt8], flags: UInt16 = 0) -> [UInt8] {
    frame(type: 0, flags: flags, stream: stream, length: UInt32(payload.count), payload: payload)
}

extension YamuxHeader {
    var bytes: [UInt8] {
        var buffer = ByteBuffer()
        self.write(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

extension YamuxSession {
    /// Everything that `bytes` mean, with data of one stream joined.
    mutating func receiveAll(_ bytes: [UInt8]) throws -> [YamuxEvent] {
        var events: [YamuxEvent] = []
        var buffer = ByteBuffer(bytes: bytes)
        while let event = try self.receive(&buffer) { events.append(event) }
        return events
    }
}

/// Joins neighbouring data events of one stream, so that splits of the input do not show.
func joined(_ events: [YamuxEvent]) -> [YamuxEvent] {
    events.reduce(into: []) { result, event in
        if case .data(let stream, let bytes) = event, case .data(stream, var before) = result.last {
            before.writeImmutableBuffer(bytes)
            result[result.count - 1] = .data(stream, before)
        } else {
            result.append(event)
        }
    }
}
