/// One end of a connection: an IPv4 or IPv6 address and a port.
public struct ProxyEndpoint: Sendable, Hashable {
    /// Four bytes of IPv4 or sixteen of IPv6, in network order.
    public let address: [UInt8]
    /// The port.
    public let port: UInt16

    /// An end at `address`; nil unless the address has four or sixteen bytes.
    public init?(address: [UInt8], port: UInt16) {
        guard address.count == 4 || address.count == 16 else { return nil }
        self.address = address
        self.port = port
    }

    /// Whether the address is IPv6.
    public var isIPv6: Bool { self.address.count == 16 }

    /// The address as sixteen bytes, an IPv4 one mapped (`::ffff:a.b.c.d`).
    var mapped: [UInt8] {
        self.isIPv6 ? self.address : [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + self.address
    }
}

extension ProxyEndpoint: CustomStringConvertible {
    /// `192.0.2.1:80` or `[2001:db8:0:0:0:0:0:1]:80`.
    public var description: String {
        if !self.isIPv6 {
            return self.address.map { String($0) }.joined(separator: ".") + ":\(self.port)"
        }
        let groups = stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(self.address[index]) << 8 | UInt16(self.address[index + 1]), radix: 16)
        }
        return "[" + groups.joined(separator: ":") + "]:\(self.port)"
    }
}
