#if os(Linux)
    import Glibc
    import NIOCore

    extension SocketAddress {
        /// All addresses of a name, in the system's order (getaddrinfo(3)); blocks until they are known.
        ///
        /// - Throws: `ResolvingFailure`, or what is no address.
        static func all(of host: String, port: Int) throws -> [SocketAddress] {
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let result = getaddrinfo(host, String(port), &hints, &list)
            guard result == 0 else { throw ResolvingFailure(reason: String(cString: gai_strerror(result))) }
            defer { freeaddrinfo(list) }
            var addresses: [SocketAddress] = []
            var next = list
            while let entry = next?.pointee {
                if let address = entry.ai_addr, let socketAddress = Self.address(address, entry.ai_family) {
                    addresses.append(socketAddress)
                }
                next = entry.ai_next
            }
            guard !addresses.isEmpty else { throw ResolvingFailure(reason: "no address of IPv4 or IPv6") }
            return addresses
        }

        private static func address(_ pointer: UnsafeMutablePointer<sockaddr>, _ family: Int32) -> SocketAddress? {
            switch family {
            case AF_INET: pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
            case AF_INET6: pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
            default: nil
            }
        }
    }

    /// Why a name has no address.
    struct ResolvingFailure: Error, CustomStringConvertible {
        let reason: String
        var description: String { self.reason }
    }
#endif
