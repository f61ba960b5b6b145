import Foundation
public import GatewayCore
import TrafficMatch
import Yams

/// Reads the settings of a gateway from YAML.
public enum GatewayFile {
    /// The settings in a file.
    ///
    /// - Throws: `GatewayFileError`.
    public static func read(_ file: String) throws -> GatewaySettings {
        do {
            return try self.settings(String(contentsOfFile: file, encoding: .utf8), file: file)
        } catch let error as CocoaError {
            throw GatewayFileError(
                file: file,
                line: nil,
                key: "",
                message: "cannot be read: \(error.localizedDescription)"
            )
        }
    }

    /// The settings in a text; `file` is what errors call it.
    public static func settings(_ text: String, file: String) throws -> GatewaySettings {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw Self.told(error, file)
        }
        guard let node else {
            throw GatewayFileError(
                file: file,
                line: nil,
                key: "",
                message: "the file is empty; it needs listeners, and clusters unless they are forward proxies"
            )
        }
        let top = YAMLField(file: file, key: "", node: node)
        let members = try top.members(["listeners", "clusters", "access-log", "admin"])
        guard let listenerList = members["listeners"] else { throw top.error("listeners are missing") }
        // Forward proxies need none.
        guard try members["clusters"] != nil || listenerList.items().allSatisfy({ $0.node["forward"] != nil }) else {
            throw top.error("clusters are missing")
        }
        let clusterList = try members["clusters"]?.items() ?? []
        let clusters = try clusterList.map(GatewayCluster.cluster)
        var names: [String: Int] = [:]
        for (index, field) in clusterList.enumerated() {
            guard names.updateValue(index, forKey: clusters[index].name) == nil else {
                throw field.error("there is another cluster of the name \(clusters[index].name)")
            }
        }
        let listeners = try listenerList.items().map { try Self.listener($0, clusters: names) }
        try Self.requireNames(listeners, listenerList.items())
        try Self.requireForwardNames(listeners, names, listenerList.items())
        return GatewaySettings(
            listeners: listeners,
            clusters: clusters,
            accessLog: try members["access-log"].map(Self.accessLog),
            admin: try members["admin"].map(Self.admin)
        )
    }

    /// What the parser says, with the place.
    private static func told(_ error: any Error, _ file: String) -> GatewayFileError {
        let (line, message): (Int?, String) =
            switch error as? YamlError {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                (mark.line, "this is no YAML: \(problem)")
            case .duplicatedKeysInMapping(let keys, let context):
                (
                    context.mark.line,
                    "of the keys from here on \(keys.joined(separator: ", ")) is there twice; leave one"
                )
            default: (nil, "this is no YAML: \(error)")
            }
        return GatewayFileError(file: file, line: line, key: "", message: message)
    }

    private static func listener(_ field: YAMLField, clusters: [String: Int]) throws -> GatewaySettings.Listener {
        let members = try field.members([
            "name", "address", "routes", "cluster", "forward", "tls", "timeouts", "limits",
        ])
        guard let address = members["address"] else { throw field.error("address is missing, such as 0.0.0.0:8080") }
        let tls = try Self.tls(members)
        if let forward = members["forward"] {
            var listener = try Self.forward(field, members, forward)
            listener.tls = tls
            return listener
        }
        if let cluster = members["cluster"] { return try Self.unread(field, members, to: cluster, clusters: clusters) }
        guard let routes = members["routes"] else {
            throw field.error("routes are missing, for requests of HTTP; or cluster, for bytes of any protocol")
        }
        let endpoint = try address.endpoint(ports: 0...65_535)
        var listener = GatewaySettings.Listener(
            name: try members["name"]?.text() ?? "\(endpoint)",
            host: endpoint.host,
            port: endpoint.port,
            routes: try routes.items().map { try Self.route($0, clusters: clusters) },
            bounds: try Self.bounds(members)
        )
        listener.tls = tls
        return listener
    }

    /// What clients that are read may do.
    static func bounds(_ members: [String: YAMLField]) throws(GatewayFileError) -> ListenerBounds {
        var bounds = ListenerBounds()
        if let timeouts = try members["timeouts"]?.members(["head", "idle", "stall", "linger"]) {
            if let field = timeouts["head"] { bounds.head = try field.duration() }
            if let field = timeouts["idle"] { bounds.idle = try field.duration() }
            if let field = timeouts["stall"] { bounds.stall = try field.duration() }
            if let field = timeouts["linger"] { bounds.linger = try field.duration() }
        }
        if let limits = try members["limits"]?.members(["head"]) {
            if let field = limits["head"] { bounds.headBytes = try field.bytes(1 << 10...16 << 20) }
        }
        return bounds
    }

    private static func route(_ field: YAMLField, clusters: [String: Int]) throws -> GatewaySettings.RouteRule {
        let members = try field.members(["match", "cluster"])
        guard let target = members["cluster"] else { throw field.error("cluster is missing") }
        return GatewaySettings.RouteRule(
            match: try members["match"].map(GatewayMatch.match) ?? .everything,
            cluster: try Self.place(target, clusters)
        )
    }

    /// The place of a cluster that is named.
    static func place(_ field: YAMLField, _ clusters: [String: Int]) throws -> Int {
        let name = try field.text()
        guard let cluster = clusters[name] else {
            throw field.error(
                "no cluster is named \(name); there are \(clusters.keys.sorted().joined(separator: ", "))"
            )
        }
        return cluster
    }
}
