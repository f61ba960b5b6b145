/// The tar format in its POSIX "ustar" form, with nothing in it that differs from one run to the next.
///
/// Time 0, owner 0, no names of users: two images of the same files are equal byte for byte, and so are their digests.
enum Tar {
    static let blockSize = 512
    /// Two empty blocks end an archive.
    static let end = [UInt8](repeating: 0, count: 2 * blockSize)

    enum Kind: UInt8 {
        case file = 0x30
        case directory = 0x35
    }

    /// How many bytes follow a file of that size up to the next block.
    static func padding(_ size: Int) -> Int {
        (self.blockSize - size % self.blockSize) % self.blockSize
    }

    /// How many bytes an entry takes, header and padding included.
    static func footprint(_ size: Int) -> Int {
        self.blockSize + size + self.padding(size)
    }

    /// The block before a file's bytes.
    ///
    /// The path is absolute or relative; it is stored as relative.
    static func header(path: String, kind: Kind, mode: UInt16, size: Int) throws(ImageError) -> [UInt8] {
        var path = path[...]
        while path.hasPrefix("/") { path = path.dropFirst() }
        let stored = Array(path.utf8) + (kind == .directory ? [UInt8(ascii: "/")] : [])
        guard let (prefix, name) = self.split(stored) else {
            throw ImageError(.tarLimit, "the path \(path) is too long for a tar archive")
        }
        guard size < 1 << 33 else { throw ImageError(.tarLimit, "\(path) is larger than 8 GiB, a tar archive's limit") }

        var block = [UInt8](repeating: 0, count: self.blockSize)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func put(_ value: Int, at offset: Int, digits: Int) {
            let octal = String(value, radix: 8)
            put(String(repeating: "0", count: digits - octal.utf8.count).utf8, at: offset)
            put(octal.utf8, at: offset + digits - octal.utf8.count)
        }
        put(name, at: 0)
        put(Int(mode), at: 100, digits: 7)
        put(0, at: 108, digits: 7)
        put(0, at: 116, digits: 7)
        put(size, at: 124, digits: 11)
        put(0, at: 136, digits: 11)
        put([kind.rawValue], at: 156)
        put("ustar\u{0}00".utf8, at: 257)
        put(prefix, at: 345)
        // The checksum is taken with blanks in its own place.
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148)
        put(block.reduce(0) { $0 + Int($1) }, at: 148, digits: 6)
        put([0, UInt8(ascii: " ")], at: 154)
        return block
    }

    /// A path of up to 100 bytes as it is, a longer one split at a slash into up to 155 and up to 100 bytes.
    private static func split(_ path: [UInt8]) -> (prefix: ArraySlice<UInt8>, name: ArraySlice<UInt8>)? {
        guard path.count > 100 else { return ([], path[...]) }
        for index in path.indices where path[index] == UInt8(ascii: "/") {
            let name = path[(index + 1)...]
            if index <= 155, index > 0, !name.isEmpty, name.count <= 100 { return (path[..<index], name) }
        }
        return nil
    }
}
