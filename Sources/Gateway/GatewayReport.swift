import Foundation
import GatewayCore
import NetworkAddress
import TrafficMatch

/// What `/config` shows: the settings in effect, in the file's words. What a request's header, cookie or query is compared with
/// may be a secret, and is left out.
struct GatewayReport: Encodable {
    private struct Listener: Encodable {
        let name: String
        let address: String
        let routes: [Route]?
        let cluster: String?
        let forward: Forward?
        let tls: TLS?
        let timeouts: [String: String]
        let limits: [String: Int]
    }

    /// Where it is only; nothing of what the files hold.
    private struct TLS: Encodable {
        let certificate: String
        let key: String
        let clientAuthority: String?
        let minimumVersion: String

        enum CodingKeys: String, CodingKey {
            case certificate, key
            case clientAuthority = "client-authority"
            case minimumVersion = "minimum-version"
        }

        init(_ rules: TLSRules) {
            self.certificate = rules.certificate.path
            self.key = rules.key.path
            self.clientAuthority = rules.clientAuthority?.path
            self.minimumVersion = rules.isModern ? "1.3" : "1.2"
        }
    }

    private struct Forward: Encodable {
        let clients: [String]
        let ports: [String]
        let connectPorts: [String]
        let tunnelIdle: String
        let timeouts: [String: String]
        let limits: [String: Int]
        let attempts: Int
        let idleConnections: Int

        enum CodingKeys: String, CodingKey {
            case clients, ports, timeouts, limits, attempts
            case connectPorts = "connect-ports"
            case tunnelIdle = "tunnel-idle"
            case idleConnections = "idle-connections"
        }

        init(_ rules: ForwardRules) {
            self.clients = rules.clients.map(\.description)
            self.ports = rules.ports.texts
            self.connectPorts = rules.connectPorts.texts
            self.tunnelIdle = GatewayReport.text(rules.tunnelIdle)
            self.timeouts = GatewayReport.text(rules.bounds)
            self.limits = rules.bounds.requests.map { ["requests": $0] } ?? [:]
            self.attempts = rules.bounds.attempts
            self.idleConnections = rules.bounds.idleConnections
        }
    }

    private struct Route: Encodable {
        let match: [String]
        let cluster: String
    }

    private struct Cluster: Encodable {
        let name: String
        let endpoints: [String]
        let timeouts: [String: String]
        let balance: String
        let attempts: Int
        let limits: [String: Int]
        let health: [String: String]?
        let eject: [String: String]
        let retry: [String: String]?
        let idleConnections: Int

        enum CodingKeys: String, CodingKey {
            case name, endpoints, timeouts, attempts, balance, limits, health, eject, retry
            case idleConnections = "idle-connections"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case listeners, clusters, admin
        case accessLog = "access-log"
    }

    private let listeners: [Listener]
    private let clusters: [Cluster]
    private let accessLog: [String: String]?
    private let admin: [String: String]?

    init(_ settings: GatewaySettings) {
        self.listeners = settings.listeners.map { listener in
            Listener(
                name: listener.name,
                address: "\(GatewaySettings.Endpoint(host: listener.host, port: listener.port))",
                routes: listener.cluster == nil && listener.forward == nil
                    ? listener.routes.map { Self.route($0, settings) } : nil,
                cluster: listener.cluster.map { settings.clusters[$0].name },
                forward: listener.forward.map(Forward.init),
                tls: listener.tls.map(TLS.init),
                timeouts: [
                    "head": Self.text(listener.bounds.head), "idle": Self.text(listener.bounds.idle),
                    "stall": Self.text(listener.bounds.stall), "linger": Self.text(listener.bounds.linger),
                ],
                limits: ["head": listener.bounds.headBytes]
            )
        }
        self.clusters = settings.clusters.map { cluster in
            Cluster(
                name: cluster.name,
                endpoints: cluster.endpoints.map(\.description),
                timeouts: Self.text(cluster.bounds),
                balance: cluster.balance.rawValue,
                attempts: cluster.bounds.attempts,
                limits: cluster.bounds.requests.map { ["requests": $0] } ?? [:],
                health: cluster.health.map(Self.health),
                eject: [
                    "after": "\(cluster.ejection.after)", "for": Self.text(cluster.ejection.pause),
                    "on": "\(cluster.ejection.statuses)",
                ],
                retry: cluster.retry.isIdle ? nil : Self.retry(cluster.retry),
                idleConnections: cluster.bounds.idleConnections
            )
        }
        self.accessLog = settings.accessLog.map { ["path": $0.path, "format": $0.format.rawValue] }
        self.admin = settings.admin.map { ["address": "\($0)"] }
    }

    private static func text(_ bounds: ClusterBounds) -> [String: String] {
        [
            "connect": Self.text(bounds.connect), "response": Self.text(bounds.response),
            "idle": Self.text(bounds.idle),
        ]
    }

    private static func route(_ rule: GatewaySettings.RouteRule, _ settings: GatewaySettings) -> Route {
        Route(match: rule.match.conditions.map(Self.text), cluster: settings.clusters[rule.cluster].name)
    }

    private static func health(_ check: HealthCheck) -> [String: String] {
        var report = [
            "interval": Self.text(check.interval), "timeout": Self.text(check.timeout),
            "up-after": "\(check.upAfter)", "down-after": "\(check.downAfter)",
        ]
        report["path"] = check.path
        report["host"] = check.host
        return report
    }

    private static func retry(_ rule: RetryRule) -> [String: String] {
        let words = [rule.statuses.isEmpty ? nil : "\(rule.statuses)", rule.isForResets ? "reset" : nil].compactMap {
            $0
        }
        return ["on": words.joined(separator: ", "), "budget": "\(rule.budget)%"]
    }

    private static func text(_ condition: Condition) -> String {
        switch condition {
        case .header(let header): "header \(header.name) \(Self.text(header.test))"
        case .member(let member): "\(member.list.rawValue) \(member.key) \(Self.text(member.test))"
        case .path, .method: condition.description
        }
    }

    private static func text(_ test: ValueTest) -> String {
        switch test {
        case .present: "is there"
        case .exact: "is …"
        case .prefix: "begins with …"
        case .regex: "matches …"
        }
    }

    /// A length of time as the file has it.
    private static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }

    /// JSON for people: in order, and on many lines.
    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = (try? encoder.encode(value)) ?? Data()
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
