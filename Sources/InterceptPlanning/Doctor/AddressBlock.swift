/// A range of IP addresses in CIDR notation, as NetworkPolicies name them.
struct AddressBlock: Sendable, Hashable {
    private let prefix: [UInt8]
    private let bits: Int

    /// Reads `10.0.0.0/8` or `2001:db8::/32`; an address alone is a block of one. Nil when it is neither.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = Self.address(parts[0]) else { return nil }
        let bits = parts.count == 2 ? Int(parts[1]) : address.count * 8
        guard let bits, (0...address.count * 8).contains(bits) else { return nil }
        self.prefix = address
        self.bits = bits
    }

    /// Whether an address lies in the block; what is no address, or of the other family, does not.
    func contains(_ text: String) -> Bool {
        guard let address = Self.address(text[...]), address.count == self.prefix.count else { return false }
        return (0..<self.bits).allSatisfy { bit in
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            return address[bit / 8] & mask == self.prefix[bit / 8] & mask
        }
    }

    private static func address(_ text: Substring) -> [UInt8]? {
        text.contains(":") ? self.version6(text) : self.version4(text)
    }

    private static func version4(_ text: Substring) -> [UInt8]? {
        let bytes = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return bytes.count == 4 ? bytes.compactMap { $0 }.exactly(4) : nil
    }

    /// Eight groups, the longest run of zeros left out as `::` (RFC 4291 section 2.2).
    private static func version6(_ text: Substring) -> [UInt8]? {
        guard let gap = text.firstRange(of: "::") else { return self.groups(text)?.exactly(16) }
        guard let head = self.groups(text[..<gap.lowerBound]), let tail = self.groups(text[gap.upperBound...]),
            head.count + tail.count < 16
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        guard !text.isEmpty else { return [] }
        var bytes: [UInt8] = []
        for group in text.split(separator: ":", omittingEmptySubsequences: false) {
            if group.contains(".") {
                guard let last = self.version4(group) else { return nil }
                bytes += last
            } else {
                guard let number = UInt16(group, radix: 16) else { return nil }
                bytes += [UInt8(number >> 8), UInt8(number & 0xff)]
            }
        }
        return bytes
    }
}

extension Array {
    fileprivate func exactly(_ count: Int) -> Self? { self.count == count ? self : nil }
}
