import NIOCore

/// The TCP connections of a network namespace, read from the text of /proc/net/tcp, /proc/net/tcp6 and /proc/net/route
/// (proc_net(5)), as a node with a little-endian processor writes it.
struct SocketTable: Sendable, Hashable {
    /// An established connection.
    struct Connection: Sendable, Hashable {
        var localPort: Int
        /// The other end's address, IPv4 in its own form where it came mapped into IPv6.
        var remote: String
    }

    /// The connections in state ESTABLISHED.
    private(set) var established: [Connection] = []
    /// The gateways of default routes: where a kubelet's probes come from on a bridge.
    private(set) var gateways: Set<String> = []

    /// Nil when the text is no such table.
    init?(parsing text: String) {
        guard text.contains("local_address") else { return nil }
        for line in text.split(separator: "\n") {
            let columns = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard columns.count >= 4 else { continue }
            if columns[0].hasSuffix(":") {
                guard columns[3] == "01", let local = Self.socket(columns[1]), let remote = Self.socket(columns[2])
                else { continue }
                self.established.append(Connection(localPort: local.port, remote: remote.address))
            } else if columns[1] == "00000000", let gateway = Self.address(columns[2]), gateway != "0.0.0.0" {
                self.gateways.insert(gateway)
            }
        }
    }

    /// How many of the connections to a port come from somewhere else than these addresses.
    func count(port: Int, exceptFrom addresses: Set<String>) -> Int {
        self.established.count { $0.localPort == port && !addresses.contains($0.remote) }
    }

    /// `0100007F:1F90`.
    private static func socket(_ text: Substring) -> (address: String, port: Int)? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let address = self.address(parts[0]), let port = Int(parts[1], radix: 16) else {
            return nil
        }
        return (address, port)
    }

    /// An address of one or four words, each with its lowest byte first.
    private static func address(_ text: Substring) -> String? {
        guard text.utf8.count == 8 || text.utf8.count == 32 else { return nil }
        var bytes: [UInt8] = []
        var rest = text
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            bytes += withUnsafeBytes(of: word.littleEndian) { Array($0) }
            rest = rest.dropFirst(8)
        }
        if bytes.count == 16, bytes.prefix(12).elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) {
            bytes.removeFirst(12)
        }
        return (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0))?.ipAddress
    }
}
