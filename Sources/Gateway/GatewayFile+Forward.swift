import GatewayCore
import NetworkAddress

/// Listeners that are forward proxies.
extension GatewayFile {
    static func forward(
        _ field: YAMLField,
        _ members: [String: YAMLField],
        _ forward: YAMLField
    ) throws -> GatewaySettings.Listener {
        guard members["routes"] == nil, members["cluster"] == nil else {
            throw field.error("forward is there beside routes or cluster; a listener does one of them")
        }
        guard let address = members["address"] else { throw field.error("address is missing, such as 127.0.0.1:3128") }
        let endpoint = try address.endpoint(ports: 0...65_535)
        return GatewaySettings.Listener(
            name: try members["name"]?.text() ?? "\(endpoint)",
            host: endpoint.host,
            port: endpoint.port,
            forward: try Self.rules(forward, at: endpoint),
            bounds: try Self.bounds(members)
        )
    }

    private static func rules(
        _ field: YAMLField,
        at endpoint: GatewaySettings.Endpoint
    ) throws(GatewayFileError) -> ForwardRules {
        var rules = ForwardRules()
        let members = try field.members([
            "clients", "ports", "connect-ports", "tunnel-idle", "timeouts", "limits", "attempts", "idle-connections",
        ])
        if let clients = members["clients"] {
            rules.clients = []
            for item in try clients.texts() { rules.clients.append(try item.network()) }
        } else if IPAddress(endpoint.host)?.isLoopback != true {
            throw field.error(
                """
                clients are missing: whoever reaches \(endpoint) could reach anything through it; say which networks they \
                are of, such as clients: [10.0.0.0/8], or listen at 127.0.0.1
                """
            )
        }
        if let ports = members["ports"] { rules.ports = try ports.ports() }
        if let ports = members["connect-ports"] { rules.connectPorts = try ports.ports() }
        if let idle = members["tunnel-idle"] { rules.tunnelIdle = try idle.duration() }
        rules.bounds = try GatewayCluster.bounds(members, rules.bounds)
        return rules
    }

    /// Metrics call what a forward proxy reaches by its name.
    static func requireForwardNames(
        _ listeners: [GatewaySettings.Listener],
        _ clusters: [String: Int],
        _ fields: [YAMLField]
    ) throws(GatewayFileError) {
        for (listener, field) in zip(listeners, fields) where listener.forward != nil && clusters[listener.name] != nil
        {
            throw field.error(
                "there is a cluster of the name \(listener.name), by which metrics call what is reached from here; choose another"
            )
        }
    }
}

extension YAMLField {
    /// A network in CIDR notation, or an address.
    fileprivate func network() throws(GatewayFileError) -> IPNetwork {
        let text = try self.text()
        let whole = IPAddress(text).map { "\(text)/\($0.bytes.count * 8)" } ?? text
        guard let network = IPNetwork(whole) else {
            throw self.error("expected a network or an address, such as 10.0.0.0/8, fd00::/8 or 192.0.2.7")
        }
        return network
    }

    /// Ports, and ranges of them.
    fileprivate func ports() throws(GatewayFileError) -> PortSet {
        var ranges: [ClosedRange<Int>] = []
        for item in try self.texts() {
            let ends = try item.text().split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard let first = ends.first, let last = ends.last, ends.count <= 2, first >= 1, first <= last,
                last <= 65_535
            else { throw item.error("expected a port from 1 to 65535, or some, such as 8000-8999") }
            ranges.append(first...last)
        }
        return PortSet(ranges)
    }
}
