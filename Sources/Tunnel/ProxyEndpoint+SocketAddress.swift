public import NIOCore

extension ProxyEndpoint {
    /// The IP end that a socket address names; nil for a Unix path.
    public init?(_ address: SocketAddress) {
        // `sockaddr_in` and `sockaddr_in6` hold the port at 2 and the address at 4 and 8, on Linux and Darwin alike.
        switch address {
        case .v4(let v4):
            let bytes = withUnsafeBytes(of: v4.address) { [UInt8]($0.prefix(8)) }
            self.init(address: Array(bytes[4..<8]), port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        case .v6(let v6):
            let bytes = withUnsafeBytes(of: v6.address) { [UInt8]($0.prefix(24)) }
            self.init(address: Array(bytes[8..<24]), port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        case .unixDomainSocket:
            return nil
        }
    }
}
