#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An IP address as its bytes: 4 or 16 of them. An IPv4 address mapped into IPv6 is taken for what it is.
public struct IPAddress: Hashable, Sendable {
    /// In the network's order.
    public let bytes: [UInt8]

    /// Reads an address; nil when the text is none, a name for instance.
    public init?(_ text: String) {
        if let bytes = Self.parse(text, AF_INET, length: 4) {
            self.bytes = bytes
        } else if let bytes = Self.parse(text, AF_INET6, length: 16) {
            let isMapped = bytes.prefix(12) == Array(repeating: 0, count: 10) + [0xff, 0xff]
            self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
        } else {
            return nil
        }
    }

    private static func parse(_ text: String, _ family: CInt, length: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: length)
        let result = bytes.withUnsafeMutableBytes { inet_pton(family, text, $0.baseAddress) }
        return result == 1 ? bytes : nil
    }

    /// RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3.
    public var isLoopback: Bool {
        self.bytes.count == 4 ? self.bytes.first == 127 : self.bytes == Array(repeating: 0, count: 15) + [1]
    }

    /// Whether it stands for all addresses of this machine, where it is listened at.
    public var isUnspecified: Bool { self.bytes.allSatisfy { $0 == 0 } }
}

/// A network in CIDR notation.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    private let address: IPAddress
    private let length: Int
    /// As it was written.
    public let description: String

    /// Reads a network, such as `10.0.0.0/8`; nil when the text is none. Bits behind the prefix do not matter.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard
            parts.count == 2, let address = IPAddress(String(parts[0])), let length = Int(parts[1]),
            (0...address.bytes.count * 8).contains(length)
        else { return nil }
        self.address = address
        self.length = length
        self.description = text
    }

    /// Whether an address is one of its own.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == self.address.bytes.count else { return false }
        return zip(self.address.bytes, other.bytes).enumerated().allSatisfy { index, pair in
            let bits = min(8, max(0, self.length - index * 8))
            return (pair.0 ^ pair.1) >> (8 - bits) == 0
        }
    }
}
