import GatewayCore

/// Listeners that relay bytes without reading them.
extension GatewayFile {
    static func unread(
        _ field: YAMLField,
        _ members: [String: YAMLField],
        to target: YAMLField,
        clusters: [String: Int]
    ) throws -> GatewaySettings.Listener {
        if members["routes"] != nil {
            throw field.error(
                "routes and cluster are both there; leave routes for requests of HTTP, or cluster for bytes of any protocol"
            )
        }
        if let tls = members["tls"] {
            throw tls.error(
                "TLS ends at listeners with routes or forward only; with cluster its bytes pass unread: leave it out"
            )
        }
        if let limits = members["limits"] {
            throw limits.error(
                "there is nothing to limit where bytes pass unread, as they do with cluster; leave it out"
            )
        }
        guard let address = members["address"] else { throw field.error("address is missing, such as 0.0.0.0:8080") }
        let endpoint = try address.endpoint(ports: 0...65_535)
        var bounds = ListenerBounds.unread
        if let timeouts = try members["timeouts"]?.members(["idle"]), let field = timeouts["idle"] {
            bounds.idle = try field.duration()
        }
        return GatewaySettings.Listener(
            name: try members["name"]?.text() ?? "\(endpoint)",
            host: endpoint.host,
            port: endpoint.port,
            cluster: try Self.place(target, clusters),
            bounds: bounds
        )
    }
}
