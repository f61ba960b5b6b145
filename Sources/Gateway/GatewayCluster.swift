import GatewayCore

/// Reads a cluster's settings.
enum GatewayCluster {
    static func cluster(_ field: YAMLField) throws(GatewayFileError) -> GatewaySettings.Cluster {
        let members = try field.members([
            "name", "endpoints", "balance", "health", "eject", "retry", "limits", "timeouts", "attempts",
            "idle-connections",
        ])
        guard let name = try members["name"]?.text() else { throw field.error("name is missing") }
        guard let endpoints = members["endpoints"] else { throw field.error("endpoints are missing") }
        var servers: [GatewaySettings.Endpoint] = []
        for item in try endpoints.items() { servers.append(try item.endpoint(ports: 1...65_535)) }
        var cluster = GatewaySettings.Cluster(name: name, endpoints: servers, bounds: try Self.bounds(members))
        if let field = members["balance"] { cluster.balance = try field.choice(Balance.self) }
        if let field = members["health"] { cluster.health = try Self.health(field) }
        if let field = members["eject"] { cluster.ejection = try Self.ejection(field) }
        if let field = members["retry"] { cluster.retry = try Self.retry(field) }
        return cluster
    }

    /// What servers may do, with `defaults` where the file says nothing.
    static func bounds(
        _ members: [String: YAMLField],
        _ defaults: ClusterBounds = .init()
    ) throws(GatewayFileError) -> ClusterBounds {
        var bounds = defaults
        if let timeouts = try members["timeouts"]?.members(["connect", "response", "idle"]) {
            if let field = timeouts["connect"] { bounds.connect = try field.duration() }
            if let field = timeouts["response"] { bounds.response = try field.duration() }
            if let field = timeouts["idle"] { bounds.idle = try field.duration() }
        }
        if let limits = try members["limits"]?.members(["requests"]) {
            if let field = limits["requests"] { bounds.requests = try field.number(1...1_000_000) }
        }
        if let field = members["attempts"] { bounds.attempts = try field.number(1...100) }
        if let field = members["idle-connections"] { bounds.idleConnections = try field.number(0...100_000) }
        return bounds
    }

    private static func health(_ field: YAMLField) throws(GatewayFileError) -> HealthCheck {
        let members = try field.members(["path", "host", "interval", "timeout", "up-after", "down-after"])
        var check = HealthCheck()
        if let field = members["path"] {
            check.path = try field.text()
            guard check.path?.hasPrefix("/") == true else { throw field.error("expected a path, such as /healthz") }
        }
        if let field = members["host"] { check.host = try field.text() }
        if let field = members["interval"] { check.interval = try field.duration() }
        if let field = members["timeout"] { check.timeout = try field.duration() }
        if let field = members["up-after"] { check.upAfter = try field.number(1...100) }
        if let field = members["down-after"] { check.downAfter = try field.number(1...100) }
        return check
    }

    private static func ejection(_ field: YAMLField) throws(GatewayFileError) -> Ejection {
        let members = try field.members(["after", "for", "on"])
        var ejection = Ejection()
        if let field = members["after"] { ejection.after = try field.number(0...1_000_000) }
        if let field = members["for"] { ejection.pause = try field.duration() }
        if let field = members["on"] {
            var statuses: [Int] = []
            for item in try field.texts() { statuses.append(try item.number(100...599)) }
            ejection.statuses = StatusSet(statuses)
        }
        return ejection
    }

    private static func retry(_ field: YAMLField) throws(GatewayFileError) -> RetryRule {
        let members = try field.members(["on", "budget"])
        var rule = RetryRule()
        if let field = members["budget"] { rule.budget = try field.percent() }
        guard let on = members["on"] else { throw field.error("on is missing, such as [502, 503, reset]") }
        var statuses: [Int] = []
        for item in try on.texts() {
            if try item.text() == "reset" { rule.isForResets = true } else { statuses.append(try item.retryStatus()) }
        }
        rule.statuses = StatusSet(statuses)
        return rule
    }
}

extension YAMLField {
    /// A failure of a server that may be tried once more.
    fileprivate func retryStatus() throws(GatewayFileError) -> Int {
        guard let status = Int(try self.text()), (500...599).contains(status) || status == 429 else {
            throw self.error("expected reset, 429, or a status from 500 to 599")
        }
        return status
    }

    /// A part of a hundred, such as `20%`.
    fileprivate func percent() throws(GatewayFileError) -> Int {
        let text = try self.text()
        guard text.hasSuffix("%"), let number = Int(text.dropLast()), (1...100).contains(number) else {
            throw self.error("expected 1% to 100%")
        }
        return number
    }

    /// One of the words that a type has.
    fileprivate func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type
    ) throws(GatewayFileError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try self.text()) else {
            throw self.error("expected one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// `host:port`, with an IPv6 address in brackets.
    func endpoint(ports: ClosedRange<Int>) throws(GatewayFileError) -> GatewaySettings.Endpoint {
        let text = try self.text()
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            ports.contains(port)
        else {
            throw self.error("expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw self.error("an IPv6 address needs brackets: [\(host)]:\(port)")
        }
        guard !host.isEmpty else { throw self.error("the host is missing; 0.0.0.0 listens at all of IPv4") }
        return GatewaySettings.Endpoint(host: String(host), port: port)
    }
}
