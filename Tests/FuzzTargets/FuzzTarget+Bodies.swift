import HTTPWire
import TLSWire

/// Where a body ends, and what a TLS client's first message says.
extension FuzzTarget {
    /// The input is a body of chunks and what follows it; the first byte says in which pieces it comes a second time.
    static let body = FuzzTarget("body") { input in
        guard let first = input.first else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
        var whole = BodyFramer.chunked()
        let taken = whole.take(ByteView(bytes))
        try require(taken ?? 0 <= bytes.count, "more was taken than there is")
        for piece in Set([1, Int(first) % 64 + 2]) {
            let cut = Self.takeInPieces(bytes, piece)
            try require(cut.taken == taken, "at once \(String(describing: taken)), in pieces \(cut)")
            try require(cut.isComplete == (taken != nil && whole.isComplete), "it ends where it ends")
        }
        guard let taken else { return }
        let body = UnsafeRawBufferPointer(rebasing: bytes[..<taken])
        var decoder = ChunkDecoder()
        let data = decoder.take(body)
        var bytewise = ChunkDecoder()
        try require(body.flatMap { bytewise.take([$0]) } == data, "the data does not depend on how it is cut")
        guard whole.isComplete else {
            try require(taken == bytes.count, "an unfinished body has taken everything")
            return
        }
        try require(whole.take(ByteView(bytes)) == 0, "nothing belongs to a body that has ended")
        var shorter = BodyFramer.chunked()
        _ = shorter.take(ByteView(UnsafeRawBufferPointer(rebasing: bytes[..<(taken - 1)])))
        try require(!shorter.isComplete, "a body ends with its last byte")
        try require(try PlainChunks.data(Array(body)) == data, "the data is what the chunks hold")
    }

    private static func takeInPieces(_ bytes: UnsafeRawBufferPointer, _ size: Int) -> (taken: Int?, isComplete: Bool) {
        var framer = BodyFramer.chunked()
        var start = 0
        while start < bytes.count, !framer.isComplete {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)])
            guard let taken = framer.take(ByteView(piece)) else { return (nil, false) }
            start += taken
        }
        return (start, framer.isComplete)
    }

    /// The input is the beginning of a connection.
    static let hello = FuzzTarget("client-hello") { bytes in
        let whole = ClientHello.read(bytes)
        var earlier: ClientHello.Reading = .more
        // Every place at the beginning, where the lengths are, and some behind that.
        for count in 0...bytes.count where count < 200 || count % 61 == 0 || count == bytes.count {
            let reading = ClientHello.read(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            try require(earlier == .more || reading == earlier, "\(earlier) became \(reading) at \(count)")
            earlier = reading
        }
        try require(earlier == whole, "\(earlier) in pieces, \(whole) at once")
        guard case .whole(let hello) = whole, let name = hello.serverName else { return }
        try require((1...255).contains(name.utf8.count), "a name of \(name.utf8.count) bytes")
        try require(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }, "a name that no host has")
    }
}

/// The data of a body of chunks that was taken, read in the plainest way there is.
enum PlainChunks {
    static func data(_ body: [UInt8]) throws -> [UInt8] {
        var data: [UInt8] = []
        var rest = body[...]
        while let lineEnd = rest.firstIndex(of: 0x0a) {
            let line = rest[..<lineEnd].dropLast()
            rest = rest[(lineEnd + 1)...]
            let digits = line.prefix { $0 != UInt8(ascii: ";") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else {
                throw Broken(description: "a size that is no number passed")
            }
            if size == 0 { return data }
            try require(rest.count >= size + 2, "a chunk is cut short")
            data += rest.prefix(size)
            rest = rest.dropFirst(size)
            try require(rest.prefix(2).elementsEqual([0x0d, 0x0a]), "data that goes on behind its chunk passed")
            rest = rest.dropFirst(2)
        }
        throw Broken(description: "a body without its last chunk passed")
    }
}
