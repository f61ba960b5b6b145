import HTTP2Relay
import HTTP2Wire
import ProxyCore

/// Field blocks, and the relay of a whole HTTP/2 connection.
extension FuzzTarget {
    /// The first byte says in which pieces the rest, a sequence of field blocks, is cut.
    static let fieldBlock = FuzzTarget("field-block") { input in
        guard let first = input.first else { return }
        let size = Int(first) + 1
        var decoder = HPACKDecoder()
        var encoder = HPACKEncoder()
        var reader = HPACKDecoder()
        for start in stride(from: 1, to: input.count, by: size) {
            let bytes = UnsafeRawBufferPointer(rebasing: input[start..<min(start + size, input.count)])
            guard let block = try? decoder.decode(bytes, limit: 2_000) else { return }
            try require(block.fields.size <= 2_000, "\(block.fields.size) bytes of fields are kept")
            let encoded = encoder.encode(block.fields)
            let again = try encoded.withUnsafeBytes { try reader.decode($0, limit: 2_000) }
            try require(!again.isTooLong && Self.lines(again.fields) == Self.lines(block.fields), "the same fields")
        }
    }

    private static func lines(_ fields: FieldList) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        fields.forEach { name, value in
            lines += [Array(name), Array(value)]
            return true
        }
        return lines
    }

    /// `^c`, `^o`, `^l` are bytes of the client, the original and the latest laptop, as they are; `^g` before them: a preface and
    /// empty SETTINGS of the client and SETTINGS of the original. `^h` and `^r` are a request's and a response's HEADERS: the
    /// stream, flags, and a field block. `^C`, `^O`, `^L` are ends, `^x`, `^y`, `^z` resets, `^a`, `^f`, `^t` what comes of the
    /// tunnel, `^w` and `^W` whether the client reads; `^d` lets the deadline pass, `^D` drains, `^n` announces the end.
    static let http2 = FuzzTarget("http2") { bytes in
        var shell = try HTTP2Shell()
        for event in EventScript(bytes).events.prefix(200) {
            switch event.verb {
            case UInt8(ascii: "g"): try shell.greet()
            case UInt8(ascii: "c"): try shell.receive(.client, event.data)
            case UInt8(ascii: "o"): try shell.receive(.original, event.data)
            case UInt8(ascii: "l"): try shell.receive(shell.laptop, event.data)
            case UInt8(ascii: "h"): try shell.receive(.client, Self.headers(event.data))
            case UInt8(ascii: "r"): try shell.receive(.original, Self.headers(event.data))
            case UInt8(ascii: "R"): try shell.receive(shell.laptop, Self.headers(event.data))
            case UInt8(ascii: "b"): try shell.receive(.client, Self.frame(0, event.data))
            case UInt8(ascii: "B"): try shell.receive(.original, Self.frame(0, event.data))
            case UInt8(ascii: "C"): try shell.tell { $0.ended(.client) }
            case UInt8(ascii: "O"): try shell.tell { $0.ended(.original) }
            case UInt8(ascii: "L"): try shell.tellLaptop { $0.ended($1) }
            case UInt8(ascii: "x"): try shell.tell { $0.wasReset(.client) }
            case UInt8(ascii: "y"): try shell.tell { $0.wasReset(.original) }
            case UInt8(ascii: "z"): try shell.tellLaptop { $0.wasReset($1) }
            case UInt8(ascii: "a"): try shell.accept()
            case UInt8(ascii: "f"): try shell.tellNumber { $0.laptopFailed($1, .localRefused) }
            case UInt8(ascii: "t"): try shell.tellNumber { $0.laptopIsLate($1) }
            case UInt8(ascii: "w"): try shell.tell { $0.setWritable(.client, false) }
            case UInt8(ascii: "W"): try shell.tell { $0.setWritable(.client, true) }
            case UInt8(ascii: "d"): try shell.expire()
            case UInt8(ascii: "D"): try shell.tell { $0.drain() }
            case UInt8(ascii: "n"): try shell.tell { $0.announceClose() }
            default: break
            }
        }
        try shell.tell { $0.wasReset(.client) }
        try require(shell.isOver, "a connection is over when its client is gone")
    }

    private static func headers(_ data: [UInt8]) -> [UInt8] { Self.frame(1, data) }

    /// A frame of a type: the stream's number and the flags are its first two bytes, the rest is its payload.
    static func frame(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        let payload = data.dropFirst(2)
        let length = payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type]
            + [data.dropFirst().first ?? 0, 0, 0, 0, data.first ?? 0] + payload
    }
}
