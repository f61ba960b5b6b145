import GatewayCore

/// What operators want of a gateway.
extension GatewayFile {
    static func accessLog(_ field: YAMLField) throws(GatewayFileError) -> AccessLogRules {
        let members = try field.members(["path", "format"])
        var rules = AccessLogRules()
        if let path = members["path"] { rules.path = try path.text() }
        if let field = members["format"] {
            let text = try field.text()
            guard let format = AccessLogRules.Format(rawValue: text) else {
                let words = AccessLogRules.Format.allCases.map(\.rawValue).joined(separator: " or ")
                throw field.error("there is no format \(text); choose \(words)")
            }
            rules.format = format
        }
        return rules
    }

    static func admin(_ field: YAMLField) throws(GatewayFileError) -> GatewaySettings.Endpoint {
        let members = try field.members(["address"])
        guard let address = members["address"] else { throw field.error("address is missing, such as 127.0.0.1:9901") }
        return try address.endpoint(ports: 0...65_535)
    }

    /// Metrics and logs tell listeners apart by their names.
    static func requireNames(_ listeners: [GatewaySettings.Listener], _ fields: [YAMLField]) throws(GatewayFileError) {
        var names: Set<String> = []
        for (listener, field) in zip(listeners, fields) where !names.insert(listener.name).inserted {
            throw field.error("there is another listener of the name \(listener.name); give each its own")
        }
    }
}
