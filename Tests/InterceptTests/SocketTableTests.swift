import Testing

@testable import Intercept

@Suite("The table of sockets in a Pod")
struct SocketTableTests {
    private let header =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    private func line(_ number: Int, _ local: String, _ remote: String, _ state: String) -> String {
        "   \(number): \(local) \(remote) \(state) 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 20 4 30 10 -1\n"
    }

    @Test("holds established connections of both families, addresses in their usual form")
    func parse() throws {
        let text =
            self.header
            + self.line(0, "00000000:1F90", "00000000:0000", "0A")
            + self.line(1, "0500F40A:1F90", "0700F40A:D431", "01")
            + self.line(2, "0500F40A:1F90", "0700F40A:D432", "06")
            + self.line(3, "0100007F:9C40", "0100007F:1F90", "01")
            + "  sl  local_address                         remote_address                        st tx_queue\n"
            + self.line(0, "0000000000000000FFFF00000500F40A:1F90", "0000000000000000FFFF00000800F40A:9999", "01")
            + self.line(1, "000080FE00000000FF005450B6AD1DFE:1F90", "B80D0120000000000000000001000000:0050", "01")
            + "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
            + "eth0\t00000000\t0100F40A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
            + "eth0\t0000F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        let table = try #require(SocketTable(parsing: text))
        #expect(
            table.established == [
                .init(localPort: 8_080, remote: "10.244.0.7"), .init(localPort: 40_000, remote: "127.0.0.1"),
                .init(localPort: 8_080, remote: "10.244.0.8"), .init(localPort: 8_080, remote: "2001:db8::1"),
            ]
        )
        #expect(table.gateways == ["10.244.0.1"])
        #expect(table.count(port: 8_080, exceptFrom: ["10.244.0.8"]) == 2)
        #expect(table.count(port: 80, exceptFrom: []) == 0)
    }

    @Test("is none where a text is something else, and passes over lines it cannot read")
    func odd() throws {
        #expect(SocketTable(parsing: "cat: not found") == nil)
        #expect(SocketTable(parsing: "") == nil)
        let text =
            self.header + self.line(0, "0500F40:1F90", "0700F40A:D431", "01")
            + self.line(1, "0500F40A", "0700F40A:D431", "01") + self.line(2, "ZZ00F40A:1F90", "0700F40A:D431", "01")
            + "0: 1\n:\n"
        #expect(try #require(SocketTable(parsing: text)).established.isEmpty)
    }
}
