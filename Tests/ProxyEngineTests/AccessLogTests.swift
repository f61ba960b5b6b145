#if os(Linux)
    import Foundation
    import GatewayCore
    @testable import PeerTestSupport
    import NIOCore
    import ProxyEngine
    import Telemetry
    import Testing

    private let get = "GET /a?b=c HTTP/1.1\r\nhost: x.example\r\nx-request-id:  id-1 \r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    @Suite("The access log of a gateway, over real sockets", .timeLimit(.minutes(5)))
    struct AccessLogTests {
        @Test("a plain request: every field")
        func plain() async throws {
            var server = ""
            var client = ""
            let lines = try await Stage.lines { stage in
                let socket = try await stage.client()
                client = "127.0.0.1:\(try socket.channel.localAddress?.port ?? 0)"
                server = "127.0.0.1:\(stage.servers[0].port)"
                try await socket.write(get)
                let first = try await stage.answer(get)
                await socket.text(ok)
                try await socket.write(get)
                await first.text(get + get)
                try await first.write(ok)
                await socket.text(ok + ok)
            }
            #expect(lines.count == 2)
            for text in lines {
                let line = try LogLine(text)
                #expect(line["time"].wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
                let time = try Date(line["time"], strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
                #expect(abs(time.timeIntervalSinceNow) < 60)
                #expect(line["listener"] == "test")
                #expect(line["client"] == client)
                #expect(line["method"] == "GET")
                #expect(line["path"] == #""/a?b=c""#)
                #expect(line["host"] == #""x.example""#)
                #expect(line["request_id"] == #""id-1""#)
                #expect(line["status"] == "200")
                #expect(line["flags"] == "-")
                #expect(line["reason"] == "-")
                #expect(line["bytes_in"] == "\(get.utf8.count)")
                #expect(line["bytes_out"] == "\(ok.utf8.count)")
                let duration = try #require(Double(line["duration_ms"]))
                let first = try #require(Double(line["first_byte_ms"]))
                #expect(first > 0 && first <= duration && duration < 60_000)
                #expect(line["cluster"] == "0")
                #expect(line["server"] == server)
                #expect(line["retries"] == "0")
            }
        }

        @Test(
            "what the gateway answers itself, with and without a head",
            arguments: [
                ("GET /n HTTP/1.1\r\nhost: x\r\n\r\n", "404", "no-route", "-", "GET", #""/n""#, 28),
                ("CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n", "405", "connect", "DPE", "CONNECT", #""x:1""#, 35),
                ("GET /n\nfoo=\"bar\"\r\n\r\n", "400", "bare-lf", "DPE", "-", "-", 0),
                ("\u{1b}[2J\r\n\r\n", "400", "not-http-unknown", "DPE", "-", "-", 0),
            ]
        )
        func refused(
            request: String,
            status: String,
            reason: String,
            flags: String,
            method: String,
            path: String,
            bytes: Int
        ) async throws {
            let lines = try await Stage.lines(takesAll: false) { stage in
                let client = try await stage.client()
                try await client.write(request)
                await client.text { $0.contains("detour: ") }
            }
            #expect(lines.count == 1)
            let line = try LogLine(try #require(lines.first))
            #expect(line["status"] == status)
            #expect(line["reason"] == reason)
            #expect(line["flags"] == flags)
            #expect(line["method"] == method)
            #expect(line["path"] == path)
            #expect(line["bytes_in"] == "\(bytes)")
            #expect(line["cluster"] == "-")
            #expect(line["server"] == "-")
        }

        @Test("a server that cannot be reached: 503, UF, and how often it was tried")
        func unreachable() async throws {
            let lines = try await Stage.lines(isReachable: false) { stage in
                let client = try await stage.client()
                try await client.write(get)
                await client.text { $0.hasSuffix("upstream-unreachable\n") }
            }
            let line = try LogLine(try #require(lines.first))
            #expect(lines.count == 1)
            #expect(line["status"] == "503")
            #expect(line["flags"] == "UF")
            #expect(line["reason"] == "upstream-unreachable")
            #expect(line["server"].hasPrefix("127.0.0.2:"))
            #expect(line["cluster"] == "0")
            #expect(line["retries"] == "2")
        }

        @Test("a client that goes away: DC, and no status")
        func clientGone() async throws {
            let lines = try await Stage.lines { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await client.reset()
                while await stage.engine.connections() > 0 { await Task.yield() }
            }
            let line = try LogLine(try #require(lines.first))
            #expect(lines.count == 1)
            #expect(line["status"] == "0")
            #expect(line["flags"] == "DC")
            #expect(line["first_byte_ms"] == "-")
            #expect(line["path"] == #""/a?b=c""#)
            #expect(line["bytes_out"] == "0")
        }

        @Test("a request that was sent once more says so, and was answered")
        func retried() async throws {
            let lines = try await Stage.lines { stage in
                let client = try await stage.client()
                try await client.write(get)
                let first = try await stage.answer(get)
                await client.text(ok)
                try await client.write(get)
                await first.text(get + get)
                try await first.close()
                try await stage.answer(get)
                await client.text(ok + ok)
            }
            #expect(lines.count == 2)
            let line = try LogLine(try #require(lines.last))
            #expect(line["status"] == "200")
            #expect(line["retries"] == "1")
            // It went well in the end.
            #expect(line["flags"] == "-")
        }

        @Test("a WebSocket has one line, when it ends, with all its bytes")
        func upgrade() async throws {
            let ask = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            let lines = try await Stage.lines { stage in
                let client = try await stage.client()
                try await client.write(ask)
                let server = try await stage.servers[0].accept()
                await server.text { $0.hasSuffix("\r\n\r\n") }
                try await server.write(switching)
                await client.text { $0.hasSuffix("\r\n\r\n") }
                try await client.write("ping")
                await server.text { $0.hasSuffix("ping") }
                try await server.write("pong-pong")
                await client.text { $0.hasSuffix("pong-pong") }
                #expect(stage.engine.counters.reduce(0) { $0 + $1.requests.total } == 0)
                try await client.close()
                await server.wait { $0.hasEnded || $0.isClosed }
                try await server.close()
                while await stage.engine.connections() > 0 { await Task.yield() }
            }
            #expect(lines.count == 1)
            let line = try LogLine(try #require(lines.first))
            #expect(line["status"] == "101")
            #expect(line["flags"] == "-")
            #expect(line["bytes_in"] == "\(ask.utf8.count + 4)")
            #expect(line["bytes_out"] == "\(switching.utf8.count + 9)")
        }

        private struct JSONLine: Decodable {
            var listener: String
            var client: String
            var method: String?
            var path: String?
            var host: String?
            var request_id: String?
            var status: Int
            var flags: String?
            var reason: String?
            var bytes_in: Int
            var duration_ms: Double
            var first_byte_ms: Double?
            var cluster: String?
            var server: String?
            var retries: Int
        }

        @Test("as JSON, the same keys, and null for what is not known")
        func json() async throws {
            let lines = try await Stage.lines(.json, takesAll: false) { stage in
                for request in ["GET /\"\\é HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n", "nonsense\r\n\r\n"] {
                    let client = try await stage.client()
                    try await client.write(request)
                    if request.hasPrefix("GET") { try await stage.answer(request) }
                    await client.wait { !$0.bytes.isEmpty }
                }
            }
            #expect(lines.count == 2)
            for line in lines {
                let keys = line.matches(of: /[{,]"([a-z_]+)":/).map { String($0.1) }
                #expect(keys == LogLine.keys)
            }
            let decoded = try lines.map { try JSONDecoder().decode(JSONLine.self, from: Data($0.utf8)) }
            #expect(decoded[0].path == #"/"\%C3%A9"#)
            #expect(decoded[0].status == 200)
            #expect(decoded[0].cluster == "0")
            #expect(decoded[0].server?.hasPrefix("127.0.0.1:") == true)
            #expect(decoded[0].request_id == nil)
            #expect(decoded[0].flags == nil)
            #expect(decoded[1].status == 400)
            #expect(decoded[1].method == nil)
            #expect(decoded[1].flags == "DPE")
            #expect(decoded[1].cluster == nil)
        }

        @Test("a log that nobody reads holds nobody up: lines are dropped whole, and counted")
        func unread() async throws {
            let path = NSTemporaryDirectory() + "detour-\(UUID().uuidString.prefix(13)).pipe"
            #expect(mkfifo(path, 0o600) == 0)
            defer { unlink(path) }
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            let log = AccessLog(try LogFile(path: path), capacity: 200 << 10)
            let count = 600
            try await Stage.with(takesAll: false, log: log, rules: AccessLogRules(path: path)) { stage in
                let client = try await stage.client()
                let target = "/" + String(repeating: "p", count: 900)
                let request = "GET \(target) HTTP/1.1\r\nhost: x\r\n\r\n"
                async let sent: Void = client.write(String(repeating: request, count: count))
                await client.wait { $0.text.matches(of: /detour: no-route\n/).count == count }
                try await sent
                let page = try MetricsReader(stage.engine.prometheusText())
                #expect(page["detour_proxy_requests_total", ["listener": "test", "class": "4xx"]] == Double(count))
                #expect((page["detour_proxy_access_log_dropped_total", [:]] ?? 0) > 0)
            }
            // What was not dropped is still waiting: the reader reads now.
            let reading = Task {
                var text: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 64 << 10)
                while true {
                    let number = read(reader, &buffer, buffer.count)
                    if number > 0 { text += buffer[..<number] }
                    if number == 0 || (number < 0 && Task.isCancelled) { break }
                    if number < 0 { await Task.yield() }
                }
                return String(decoding: text, as: UTF8.self)
            }
            await log.close(within: .seconds(60))
            reading.cancel()
            let text = await reading.value
            close(reader)
            let lines = text.split(separator: "\n")
            for line in lines { _ = try LogLine(line) }
            #expect(lines.count + log.dropped.value == count)
        }
    }

    extension Stage {
        /// The next connection's request, answered.
        @discardableResult
        func answer(_ request: String) async throws -> TestSocket {
            let server = try await self.servers[0].accept()
            await server.text(request)
            try await server.write(ok)
            return server
        }
    }
#endif
