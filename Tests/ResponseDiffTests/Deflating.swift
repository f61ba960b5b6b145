import CZlib

/// Packs bytes as servers do.
enum Deflating {
    static func zlib(_ bytes: [UInt8]) -> [UInt8] { self.pack(bytes, windowBits: 15) }
    static func gzip(_ bytes: [UInt8]) -> [UInt8] { self.pack(bytes, windowBits: 15 + 16) }

    private static func pack(_ bytes: [UInt8], windowBits: Int32) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else {
            return []
        }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 32)
        return input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                guard deflate(&stream, Z_FINISH) == Z_STREAM_END else { return [] }
                return Array(output.prefix(Int(stream.total_out)))
            }
        }
    }
}
