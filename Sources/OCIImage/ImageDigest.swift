import Crypto

/// The content address of a blob or a manifest, `sha256:` and 64 hex digits.
public struct ImageDigest: Hashable, Sendable, CustomStringConvertible {
    /// The 64 lower-case hex digits.
    public let hex: String

    /// The form used in manifests and image names.
    public var description: String { "sha256:\(self.hex)" }

    /// Reads `sha256:…`; nil for another algorithm, another length or upper-case digits.
    public init?(parsing text: some StringProtocol) {
        let prefix = "sha256:"
        guard text.hasPrefix(prefix) else { return nil }
        let hex = text.dropFirst(prefix.count)
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ isLowercaseHexDigit($0) }) else { return nil }
        self.hex = String(hex)
    }

    /// The digest of bytes in memory.
    init(of bytes: [UInt8]) {
        self.init(SHA256.hash(data: bytes))
    }

    init(_ digest: SHA256.Digest) {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in digest {
            text.append(hexDigit(byte >> 4))
            text.append(hexDigit(byte & 0xf))
        }
        self.hex = String(decoding: text, as: UTF8.self)
    }
}

private func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

private func isLowercaseHexDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}
