#if os(Linux)
    import Foundation
    import Gateway
    import Logging
    @testable import PeerTestSupport
    import Synchronization
    import Testing

    @Suite("A whole gateway", .timeLimit(.minutes(5)))
    struct GatewayRunTests {
        /// Keeps where the gateway says that it listens.
        private struct Addresses: LogHandler {
            let found: Ports
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.info

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { self.metadata[key] }
                set { self.metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                self.found.told("\(event.message) \(event.metadata.map { "\($0)" } ?? "")")
                guard event.message == "listening", let metadata = event.metadata else { return }
                let kind = metadata["admin"] == nil ? "address" : "admin"
                guard let port = metadata[kind].flatMap({ "\($0)".split(separator: ":").last }).flatMap({ Int($0) })
                else { return }
                self.found.found(kind, port)
            }
        }

        private struct Shown: Decodable {
            struct Listener: Decodable {
                var routes: [Route]
                var timeouts: [String: String]
            }

            struct Route: Decodable {
                var match: [String]
            }

            var listeners: [Listener]
        }

        /// Where the gateway listens, as far as it has said so.
        private final class Ports: Sendable {
            private let ports = Mutex<[String: Int]>([:])
            private let texts = Mutex<[String]>([])

            /// What was logged.
            var lines: [String] { self.texts.withLock { $0 } }

            func told(_ text: String) { self.texts.withLock { $0.append(text) } }

            subscript(kind: String) -> Int? { self.ports.withLock { $0[kind] } }

            func found(_ kind: String, _ port: Int) { self.ports.withLock { $0[kind] = port } }
        }

        private struct Place {
            let folder: String
            let server: Server
            let found: Ports
            let reopen: AsyncStream<Void>.Continuation
            let reload: AsyncStream<Void>.Continuation
            let end: AsyncStream<Void>.Continuation

            func port(_ kind: String) async -> Int {
                while true {
                    if let port = self.found[kind] { return port }
                    await Task.yield()
                }
            }

            /// What a page says, and with which status.
            func get(_ path: String) async throws -> (status: String, body: String) {
                let socket = try await TestSocket.connect(port: await self.port("admin"))
                try await socket.write("GET \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                let text = await socket.wait { $0.hasEnded || $0.isClosed }.text
                try? await socket.close()
                return (String(text.dropFirst(9).prefix(3)), text.components(separatedBy: "\r\n\r\n").last ?? "")
            }
        }

        private func run(_ body: (Place) async throws -> Void) async throws {
            let folder = NSTemporaryDirectory() + "detour-gateway-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let server = try await Server()
            try """
            listeners:
              - name: web
                address: 127.0.0.1:0
                routes:
                  - match: {header: "authorization: Bearer hidden-1", cookie: "session=hidden-2", path-prefix: /api}
                    cluster: all
                  - cluster: all
            clusters:
              - name: all
                endpoints: [127.0.0.1:\(server.port)]
            access-log: {path: \(folder)/log}
            admin: {address: 127.0.0.1:0}
            """.write(toFile: folder + "/f.yaml", atomically: false, encoding: .utf8)
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            let (reopenings, reopen) = AsyncStream.makeStream(of: Void.self)
            let (reloads, reload) = AsyncStream.makeStream(of: Void.self)
            let found = Ports()
            let logger = Logger(label: "test") { _ in Addresses(found: found) }
            let running = Task {
                try await GatewayRun(file: folder + "/f.yaml", drain: .seconds(60), logger: logger).run(
                    until: { for await _ in ends { return } },
                    reopenings: { body in for await _ in reopenings { await body() } },
                    reloads: { body in for await _ in reloads { await body() } }
                )
            }
            do {
                try await body(
                    Place(folder: folder, server: server, found: found, reopen: reopen, reload: reload, end: end)
                )
            } catch {
                end.finish()
                _ = await running.result
                throw error
            }
            end.finish()
            try await running.value
            try await server.close()
        }

        @Test("shows operators how it is, and nothing secret; says that it ends while requests are under way")
        func admin() async throws {
            try await self.run { place in
                let port = await place.port("address")
                #expect(try await place.get("/healthz").body == "ok\n")
                while try await place.get("/readyz").status != "200" {}
                let config = try await place.get("/config").body
                #expect(!config.contains("hidden"))
                let settings = try JSONDecoder().decode(Shown.self, from: Data(config.utf8))
                #expect(
                    settings.listeners.first?.routes.first?.match == [
                        "header authorization is …", "cookie session is …", "path: /api… (prefix)",
                    ]
                )
                #expect(settings.listeners.first?.timeouts["head"] == "10s")

                let client = try await TestSocket.connect(port: port)
                try await client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                let server = try await place.server.accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                let clusters = try await place.get("/clusters").body
                #expect(clusters.contains(#""active-requests" : 1"#))
                #expect(clusters.contains(#""address" : "127.0.0.1:\#(place.server.port)""#))
                #expect(
                    try await place.get("/metrics").body.contains(#"detour_proxy_requests_active{listener="web"} 1"#)
                )
                #expect(try await place.get("/nothing").status == "404")
                place.end.finish()
                while try await place.get("/readyz").status != "503" {}
                #expect(try await place.get("/healthz").status == "200")
                try await server.write("HTTP/1.1 204 No Content\r\n\r\n")
                #expect(await client.wait { $0.hasEnded }.text.contains("connection: close\r\n"))
                try await client.close()
            }
        }

        @Test("puts its file into force when that changes, and leaves all as it was when that cannot be")
        func reload() async throws {
            try await self.run { place in
                let client = try await TestSocket.connect(port: await place.port("address"))
                while try await place.get("/readyz").status != "200" {}
                let file = URL(filePath: place.folder + "/f.yaml")
                let before = try String(contentsOf: file, encoding: .utf8)

                /// Writes the file, and waits for what is logged of that.
                func change(_ text: String, asks: Bool, until condition: (String) -> Bool) async throws {
                    let count = place.found.lines.count
                    try Data(text.utf8).write(to: file)
                    if asks { place.reload.yield() }
                    while !place.found.lines.dropFirst(count).contains(where: condition) { await Task.yield() }
                }
                try await change(before.replacing("/api", with: "api"), asks: true) {
                    $0.contains("settings stay as they were")
                        && $0.contains("f.yaml:5: listeners[0].routes[0].match.path-prefix")
                }
                try await change(before.replacing("/log", with: "/other"), asks: true) {
                    $0.contains("settings stay as they were")
                        && $0.contains("access-log: this is read at the start only")
                }
                var metrics = try await place.get("/metrics").body
                #expect(metrics.contains("detour_proxy_config_reloads_total{result=\"refused\"} 2\n"))
                #expect(metrics.contains("detour_proxy_config_last_reload_successful 0\n"))
                #expect(try await place.get("/config").body.contains("/api"))

                // Nobody asks: it is looked at every second.
                try await change(before.replacing("/api", with: "/other"), asks: false) {
                    $0.contains("settings are in force")
                }
                #expect(try await place.get("/config").body.contains("/other"))
                metrics = try await place.get("/metrics").body
                #expect(metrics.contains("detour_proxy_config_reloads_total{result=\"applied\"} 1\n"))
                #expect(metrics.contains("detour_proxy_config_last_reload_successful 1\n"))
                try await client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                let server = try await place.server.accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await server.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                #expect(await client.text { $0.hasSuffix("\r\n\r\n") }.hasPrefix("HTTP/1.1 200 "))
                try await client.close()
            }
        }

        @Test("opens its access log anew when it is told to, and has written every line when it has ended")
        func reopen() async throws {
            var lines: [Int] = []
            try await self.run { place in
                let client = try await TestSocket.connect(port: await place.port("address"))
                try await client.write("nonsense\r\n\r\n")
                await client.wait { $0.hasEnded }
                try await client.close()
                // A quarter of a second at most.
                while try String(contentsOfFile: place.folder + "/log", encoding: .utf8).isEmpty { await Task.yield() }
                try FileManager.default.moveItem(atPath: place.folder + "/log", toPath: place.folder + "/old")
                place.reopen.yield()
                while !FileManager.default.fileExists(atPath: place.folder + "/log") { await Task.yield() }
                let other = try await TestSocket.connect(port: await place.port("address"))
                try await other.write("nonsense\r\n\r\n")
                await other.wait { $0.hasEnded }
                try await other.close()
                place.end.finish()
                while try String(contentsOfFile: place.folder + "/log", encoding: .utf8).isEmpty { await Task.yield() }
                for name in ["old", "log"] {
                    let text = try String(contentsOfFile: place.folder + "/\(name)", encoding: .utf8)
                    lines.append(text.split(separator: "\n").count)
                }
            }
            #expect(lines == [1, 1])
        }
    }
#endif
