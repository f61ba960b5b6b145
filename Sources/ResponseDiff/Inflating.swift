import CZlib

/// Bodies in the codings gzip (RFC 1952) and deflate (the zlib format of RFC 1950, as RFC 9110 section 8.4.1.2 has it).
enum Inflating {
    /// Enough for any body that is compared; a few bytes can stand for gigabytes.
    static let limit = 16 << 20

    /// What the bytes hold; nil when they are damaged, cut short or hold more than `limit` bytes.
    static func inflate(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        // 32: which of the two formats it is, the first bytes tell.
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        return input.withUnsafeMutableBufferPointer { input -> [UInt8]? in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let status = piece.withUnsafeMutableBufferPointer { piece -> Int32 in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = UInt32(piece.count)
                    return CZlib.inflate(&stream, Z_NO_FLUSH)
                }
                output += piece.prefix(piece.count - Int(stream.avail_out))
                guard output.count <= Self.limit else { return nil }
                if status == Z_STREAM_END {
                    guard stream.avail_in > 0 else { return output }
                    // A gzip file may have several members, one behind the other (RFC 1952 section 2.2).
                    guard inflateReset(&stream) == Z_OK else { return nil }
                    continue
                }
                guard status == Z_OK, stream.avail_in > 0 || stream.avail_out == 0 else { return nil }
            }
        }
    }
}
