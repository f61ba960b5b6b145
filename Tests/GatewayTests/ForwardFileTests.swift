import Gateway
import GatewayCore
import NetworkAddress
import Testing

@Suite("Forward proxies in the settings file")
struct ForwardFileTests {
    private func listener(_ keys: String) throws -> GatewaySettings.Listener {
        try GatewayFile.settings(
            """
            listeners: [{\(keys)}]
            clusters: [{name: all, endpoints: [127.0.0.1:1]}]
            """,
            file: "f"
        ).listeners[0]
    }

    @Test("a forward proxy of this machine's clients needs nothing else")
    func defaults() throws {
        for address in ["127.0.0.1:3128", "\"[::1]:3128\""] {
            let listener = try self.listener("name: out, address: \(address), forward: {}")
            #expect(listener.forward == ForwardRules())
            #expect(listener.bounds == ListenerBounds() && listener.routes.isEmpty && listener.cluster == nil)
        }
    }

    @Test("clusters are for other listeners")
    func noClusters() throws {
        let listeners = "listeners: [{address: 127.0.0.1:1, forward: {}}"
        #expect(try GatewayFile.settings("\(listeners)]", file: "f").clusters.isEmpty)
        let error = #expect(throws: GatewayFileError.self) {
            try GatewayFile.settings("\(listeners), {address: 127.0.0.1:2, routes: [{cluster: all}]}]", file: "f")
        }
        #expect(error?.description == "f:1: clusters are missing")
    }

    @Test("everything that there is")
    func everything() throws {
        let listener = try self.listener(
            """
            address: 0.0.0.0:3128, timeouts: {head: 1s}, limits: {head: 8KiB}, forward: {clients: [10.0.0.0/8, "fd00::/8", 192.0.2.7], \
            ports: [80, 8000-8999], connect-ports: 443, tunnel-idle: 5m, timeouts: {connect: 1s, response: 2s, idle: 3s}, limits: {requests: 9}, \
            attempts: 2, idle-connections: 7}
            """
        )
        let rules = try #require(listener.forward)
        #expect(rules.clients == ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"].compactMap(IPNetwork.init))
        #expect(rules.ports == [80...80, 8_000...8_999] && rules.connectPorts == [443...443])
        #expect(rules.tunnelIdle == .seconds(300))
        #expect(
            rules.bounds.connect == .seconds(1) && rules.bounds.response == .seconds(2)
                && rules.bounds.idle == .seconds(3)
        )
        #expect(rules.bounds.requests == 9 && rules.bounds.attempts == 2 && rules.bounds.idleConnections == 7)
        #expect(listener.bounds.head == .seconds(1) && listener.bounds.headBytes == 8 << 10)
    }

    @Test(
        "what is wrong is named, with what would be right",
        arguments: [
            (
                "address: 0.0.0.0:3128, forward: {}",
                "f:1: listeners[0].forward: clients are missing: whoever reaches 0.0.0.0:3128 could reach anything"
            ),
            ("address: \"[::]:3128\", forward: {}", "f:1: listeners[0].forward: clients are missing"),
            ("address: 10.0.0.1:3128, forward: {ports: 80}", "f:1: listeners[0].forward: clients are missing"),
            // A name may be any address.
            ("address: localhost:3128, forward: {}", "f:1: listeners[0].forward: clients are missing"),
            ("address: 127.0.0.1:1, forward: {clients: []}", "f:1: listeners[0].forward.clients: this list is empty"),
            (
                "address: 127.0.0.1:1, forward: {clients: [x]}",
                "f:1: listeners[0].forward.clients[0]: expected a network or an address"
            ),
            (
                "address: 127.0.0.1:1, forward: {clients: 10.0.0.0/33}",
                "f:1: listeners[0].forward.clients: expected a network or an address"
            ),
            ("address: 127.0.0.1:1, forward: {ports: 0}", "f:1: listeners[0].forward.ports: expected a port from 1"),
            (
                "address: 127.0.0.1:1, forward: {ports: [9-8]}",
                "f:1: listeners[0].forward.ports[0]: expected a port from 1"
            ),
            (
                "address: 127.0.0.1:1, forward: {port: 1}",
                "f:1: listeners[0].forward.port: no such key; there are clients"
            ),
            (
                "address: 127.0.0.1:1, forward: {}, routes: [{cluster: all}]",
                "f:1: listeners[0]: forward is there beside routes or cluster"
            ),
            ("address: 127.0.0.1:1, forward: {}, cluster: all", "f:1: listeners[0]: forward is there beside routes"),
            ("name: all, address: 127.0.0.1:1, forward: {}", "f:1: listeners[0]: there is a cluster of the name all"),
        ]
    )
    func wrong(keys: String, message: String) {
        let error = #expect(throws: GatewayFileError.self) { try self.listener(keys) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
