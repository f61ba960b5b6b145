#if os(Linux)
    @testable import GatewayCore
    import HTTPWire
    import NIOCore
    @testable import PeerTestSupport
    import ProxyCore
    import Telemetry
    import Testing

    @testable import ProxyEngine

    @Suite("What a gateway counts, and what a line shows", .timeLimit(.minutes(5)))
    struct CountsTests {
        private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
        private let ada = "GET /a HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n"
        private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

        @Test("a request is in the step whose upper end it has taken, and beyond the last in none")
        func steps() {
            let counts = TrafficCounts()
            for microseconds in [0, 500, 501, 10_000_000, 10_000_001] {
                counts.end(ForwardNote(), microseconds: microseconds)
            }
            let durations = counts.durations
            #expect(durations.buckets == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
            #expect(durations.count == 5)
            #expect(durations.sum == 20_001_002)
        }

        @Test("each flag, and each class of status, is counted as what it is", arguments: ResponseFlags.each.indices)
        func flags(index: Int) {
            let counts = TrafficCounts()
            var note = ForwardNote()
            note.flags = ResponseFlags.each[index].flag
            for status in [0, 100, 199, 200, 302, 404, 503, 599, 600, 999] {
                note.status = status
                counts.end(note, microseconds: 1)
            }
            #expect(counts.flagTotals == ResponseFlags.each.indices.map { $0 == index ? 10 : 0 })
            #expect(counts.classTotals == [3, 2, 1, 1, 1, 2])
        }

        @Test("an unread connection counts while it is open, for its listener and for its cluster")
        func unread() async throws {
            try await Stage.unread { stage in
                let client = try await stage.client()
                let server = try await stage.servers[0].accept()
                try await client.write("four")
                await server.text("four")
                try await server.write("sixsix")
                await client.text("sixsix")
                func value(_ name: String, _ label: String) throws -> Double? {
                    try MetricsReader(stage.engine.prometheusText())[
                        "detour_proxy_\(name)",
                        [label: label == "listener" ? "test" : "all"]
                    ]
                }
                #expect(try value("connections_total", "listener") == 1)
                #expect(try value("connections_active", "listener") == 1)
                #expect(try value("unread_connections_total", "listener") == 0)
                #expect(await stage.engine.load().map(\.servers) == [[ServerLoad(idle: 0, active: 1)]])
                try await client.close()
                await server.over()
                try await server.close()
                await stage.isEmpty()
                #expect(await stage.engine.load().map(\.servers) == [[ServerLoad(idle: 0, active: 0)]])
                #expect(try value("connections_total", "listener") == 1)
                #expect(try value("connections_active", "listener") == 0)
                #expect(try value("unread_connections_total", "listener") == 1)
                for (prefix, label) in [("", "listener"), ("cluster_", "cluster")] {
                    #expect(try value("\(prefix)received_bytes_total", label) == 4)
                    #expect(try value("\(prefix)sent_bytes_total", label) == 6)
                }
            }
        }

        @Test("servers that were tried in vain are let go of")
        func letGo() async throws {
            try await Stage.unread(areReachable: false) { stage in
                if let client = try? await stage.client() { await client.over() }
                while stage.counted.unread.total == 0 { await Task.yield() }
                await stage.isEmpty()
                #expect(await stage.engine.load().map(\.servers) == [[ServerLoad(idle: 0, active: 0)]])
            }
        }

        @Test(
            "each way to have no server is counted as one",
            arguments: [PipeEnd.unreachable, .connectTimeout, .clusterFull]
        )
        func wantOfServers(end: PipeEnd) {
            let counts = ListenerCounts()
            var note = PipeNote()
            counts.end(note)
            #expect(counts.unreachable.total == 0)
            note.end = end
            counts.end(note)
            #expect(counts.unreachable.total == 1 && counts.unread.total == 2)
        }

        @Test("a request that nobody else gets has neither the server nor the times of the one before it")
        func afterAnother() async throws {
            let lines = try await Stage.lines(takesAll: false) { stage in
                let client = try await stage.client()
                try await client.write(ada)
                let server = try await stage.answer(ada)
                await client.text(ok)
                try await client.write(get)
                await client.text { $0.hasSuffix("detour: no-route\n") }
                try await client.write(ada)
                await server.text(ada + ada)
                try await client.reset()
                while await stage.engine.connections() > 0 { await Task.yield() }
            }
            let read = try lines.map { try LogLine($0) }
            #expect(read.map { $0["status"] } == ["200", "404", "0"])
            #expect(read.map { $0["cluster"] } == ["0", "-", "0"])
            #expect(read.map { $0["server"] == "-" } == [false, true, false])
            #expect(read.map { $0["first_byte_ms"] == "-" } == [false, false, true])
        }

        @Test("a request takes until the last byte of its response, not the first")
        func duration() async throws {
            let lines = try await Stage.lines { stage in
                let client = try await stage.client()
                try await client.write(get)
                let server = try await stage.servers[0].accept()
                await server.text(get)
                try await server.write(String(ok.dropLast()))
                await client.text(String(ok.dropLast()))
                try await server.write(String(ok.suffix(1)))
                await client.text(ok)
            }
            let line = try LogLine(try #require(lines.first))
            let duration = try #require(Double(line["duration_ms"]))
            let first = try #require(Double(line["first_byte_ms"]))
            #expect(first < duration)
        }

        @Test("a request begins with its first byte, and the next one does not begin there")
        func begin() {
            var trace = RequestTrace()
            trace.headSince = .uptimeNanoseconds(5_000)
            trace.begin(at: .uptimeNanoseconds(9_000))
            #expect(trace.microseconds(until: .uptimeNanoseconds(12_000)) == 7)
            trace.begin(at: .uptimeNanoseconds(20_000))
            #expect(trace.microseconds(until: .uptimeNanoseconds(21_000)) == 1)
        }

        @Test("a host and an id are cut to what a line has room for", arguments: [0, 1])
        func cut(more: Int) throws {
            let host = String(repeating: "h", count: LogWords.longestHost + more)
            let id = String(repeating: "i", count: LogWords.longestID + more)
            let bytes = Array("GET / HTTP/1.1\r\nhost: \(host)\r\nx-request-id: \(id)\r\n\r\n".utf8)
            var heading: [UInt8] = []
            try bytes.withUnsafeBytes { raw in
                var scanner = HeadScanner(limit: 1 << 20)
                guard case .complete(let head) = scanner.scanRequest(ByteView(raw)) else {
                    throw EngineError(message: "no head", cause: CancellationError())
                }
                LogWords(.text).write(head, ByteView(raw), into: &heading)
            }
            let expected = " method=GET path=\"/\" host=\"\(host.prefix(256))\" request_id=\"\(id.prefix(128))\""
            #expect(String(decoding: heading, as: UTF8.self) == expected)
        }
    }
#endif
