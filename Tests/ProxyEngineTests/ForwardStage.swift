#if os(Linux)
    import Foundation
    import GatewayCore
    import NIOCore
    @testable import PeerTestSupport
    @testable import ProxyEngine
    import SocketLoop
    import Synchronization
    import Telemetry
    import Testing

    extension Stage {
        /// A forward proxy, and servers that requests may name.
        static func forward(
            servers count: Int = 1,
            host: String = "127.0.0.1",
            rules: ForwardRules = .init(),
            log: AccessLog? = nil,
            logRules: AccessLogRules? = nil,
            _ body: (Stage) async throws -> Void
        ) async throws {
            var servers: [Server] = []
            for _ in 0..<count { servers.append(try await Server()) }
            let settings = GatewaySettings(
                listeners: [.init(name: "out", host: host, port: 0, forward: rules)],
                clusters: [],
                accessLog: logRules
            )
            try await Self.run(settings, servers, log: log, body)
        }

        /// The same with an access log, and its lines.
        static func forwardLines(
            connectPorts: PortSet = [443...443],
            _ body: (Stage) async throws -> Void
        ) async throws -> [LogLine] {
            var rules = ForwardRules()
            rules.connectPorts = connectPorts
            let path = NSTemporaryDirectory() + "detour-\(UUID().uuidString.prefix(13)).log"
            let log = AccessLog(try LogFile(path: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            do {
                try await Self.forward(rules: rules, log: log, logRules: AccessLogRules(path: path), body)
            } catch {
                await log.close()
                throw error
            }
            await log.close()
            return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { try LogLine($0) }
        }

        /// The system's resolver is not asked: `addresses` is.
        func resolve(_ addresses: @escaping @Sendable (String, Int) throws -> [SocketAddress]) async throws {
            for place in self.engine.places.withLock({ $0 }) {
                try await place.loop.submit {
                    place.box.value.destinations.resolver = Resolver(atOnce: 2, addresses: addresses)
                }.get()
            }
        }

        /// How many connections to servers nobody uses, and how many servers are known.
        func outward() async throws -> (idle: Int, known: Int) {
            var sum = (idle: 0, known: 0)
            for place in self.engine.places.withLock({ $0 }) {
                let counts = try await place.loop.submit { place.box.value.destinations.counts }.get()
                sum = (sum.idle + counts.idle, sum.known + counts.known)
            }
            return sum
        }
    }
#endif
