/// The fixed Huffman code of field strings; RFC 7541 section 5.2 and appendix B.
///
/// The code is canonical: codes of one length follow each other in the order of their symbols, so their lengths are all there is
/// to know. Only decoding is here; strings may always be sent as they are.
enum Huffman {
    /// How many bits each symbol has, from 0 to 255; the end-of-string mark has 30 ones.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
        28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15,
        6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22,
        20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23,
        23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22,
        22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26,
        27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27,
        26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    ]

    /// The codes of one length.
    private struct Band: Sendable {
        let length: Int
        let first: UInt32
        /// The first code of 32 bits that is past this band.
        let limit: UInt64
        let symbols: [UInt8]
    }

    private static let bands: [Band] = {
        var bands: [Band] = []
        var code: UInt32 = 0
        for length in 5...30 {
            code <<= 1
            let symbols = (0..<256).filter { Self.lengths[$0] == length }.map { UInt8($0) }
            let end = UInt64(code) + UInt64(symbols.count)
            if !symbols.isEmpty {
                bands.append(Band(length: length, first: code, limit: end << UInt64(32 - length), symbols: symbols))
            }
            code += UInt32(symbols.count)
        }
        return bands
    }()

    /// Appends the decoded string to `output`; `false` for what no encoder makes.
    static func decode(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Bool {
        let bands = Self.bands
        var held: UInt64 = 0
        var count = 0
        var position = 0
        while true {
            while count <= 32, position < bytes.count {
                held = held << 8 | UInt64(bytes[position])
                count += 8
                position += 1
            }
            guard count > 0 else {
                return true
            }
            // The next 32 bits, with ones behind the end: they are what padding is made of.
            let missing = UInt64(max(0, 32 - count))
            let padding = (UInt64(1) << missing) - 1
            let window = ((held << missing) >> UInt64(max(0, count - 32))) & 0xffff_ffff | padding
            guard let band = bands.first(where: { window < $0.limit }), band.length <= count else {
                // Nothing but padding is left: fewer than eight ones.
                return position == bytes.count && count < 8 && window == 0xffff_ffff
            }
            output.append(band.symbols[Int(UInt32(window >> UInt64(32 - band.length)) - band.first)])
            count -= band.length
            held &= (1 << UInt64(count)) - 1
        }
    }
}
