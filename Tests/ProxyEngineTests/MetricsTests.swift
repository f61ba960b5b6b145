#if os(Linux)
    import GatewayCore
    @testable import PeerTestSupport
    import ProxyEngine
    import Testing

    private let ada = "GET /a HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n"
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    @Suite("The metrics of a gateway, over real sockets", .timeLimit(.minutes(5)))
    struct MetricsTests {
        @Test("a known sequence of requests is counted exactly")
        func sequence() async throws {
            try await Stage.with(takesAll: false) { stage in
                let client = try await stage.client()
                // 200 on a new connection, 200 on the same, 404, and one that is still under way; elsewhere a 400.
                try await client.write(ada)
                let server = try await stage.servers[0].accept()
                await server.text(ada)
                try await server.write(ok)
                await client.text(ok)
                try await client.write(ada)
                await server.text(ada + ada)
                try await server.write(ok)
                await client.text(ok + ok)
                let none = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"
                try await client.write(none)
                let answers = await client.text { $0.hasSuffix("detour: no-route\n") }
                try await client.write(ada)
                await server.text(ada + ada + ada)
                let other = try await stage.client()
                try await other.write("nonsense\r\n\r\n")
                let bad = await other.wait { $0.hasEnded }.text
                try await other.close()
                while await stage.engine.connections() > 1 { await Task.yield() }

                let text = stage.engine.prometheusText()
                let page = try MetricsReader(text)
                func listener(_ name: String, _ labels: [String: String] = [:]) -> Double? {
                    page["detour_proxy_\(name)", labels.merging(["listener": "test"]) { $1 }]
                }
                func cluster(_ name: String, _ labels: [String: String] = [:]) -> Double? {
                    page["detour_proxy_cluster_\(name)", labels.merging(["cluster": "0"]) { $1 }]
                }
                #expect(listener("connections_total") == 2)
                #expect(listener("connections_active") == 1)
                #expect(listener("requests_active") == 1)
                #expect(listener("refusals_total") == 2)
                let classes = ["none": 0, "1xx": 0, "2xx": 2, "3xx": 0, "4xx": 2, "5xx": 0]
                for (word, count) in classes {
                    #expect(listener("requests_total", ["class": word]) == Double(count), "\(word)")
                    #expect(cluster("requests_total", ["class": word]) == (word == "2xx" ? 2 : 0), "\(word)")
                }
                for flag in ["UF", "UC", "UT", "UPE", "DC", "DPE"] {
                    #expect(listener("response_flags_total", ["flag": flag]) == (flag == "DPE" ? 1 : 0), "\(flag)")
                    #expect(cluster("response_flags_total", ["flag": flag]) == 0, "\(flag)")
                }
                #expect(listener("received_bytes_total") == Double(2 * ada.utf8.count + none.utf8.count))
                let sent = answers.utf8.count + bad.utf8.count
                #expect(listener("sent_bytes_total") == Double(sent))
                #expect(listener("request_duration_seconds_count") == 4)
                #expect(cluster("request_duration_seconds_count") == 2)
                #expect(cluster("requests_active") == 1)
                #expect(cluster("connections_opened_total") == 1)
                #expect(cluster("connections_failed_total") == 0)
                #expect(cluster("connections_reused_total") == 2)
                #expect(cluster("retries_total") == 0)
                #expect(cluster("received_bytes_total") == Double(2 * ada.utf8.count))
                #expect(cluster("sent_bytes_total") == Double(2 * ok.utf8.count))
                #expect(page["detour_proxy_access_log_dropped_total", [:]] == 0)
                // Nothing but what is named here, whatever requests come.
                #expect(page.count == (7 + 16 + 17) + (4 + 16 + 17) + 1)
                #expect(await stage.engine.load().map(\.servers) == [[ServerLoad(idle: 0, active: 1)]])

                try await server.write(ok)
                await client.text { $0.hasSuffix("hi") }
                #expect(await stage.engine.load().map(\.servers) == [[ServerLoad(idle: 1, active: 0)]])
                let after = try MetricsReader(stage.engine.prometheusText())
                #expect(after["detour_proxy_requests_active", ["listener": "test"]] == 0)
                #expect(after["detour_proxy_cluster_requests_active", ["cluster": "0"]] == 0)
            }
        }

        @Test("connections that do not open, requests sent elsewhere, and clients that go are counted")
        func trouble() async throws {
            try await Stage.with(isReachable: false) { stage in
                let client = try await stage.client()
                try await client.write(ada)
                await client.text { $0.hasSuffix("upstream-unreachable\n") }
                _ = await stage.engine.connections()
                let page = try MetricsReader(stage.engine.prometheusText())
                #expect(page["detour_proxy_cluster_connections_failed_total", ["cluster": "0"]] == 3)
                #expect(page["detour_proxy_cluster_connections_opened_total", ["cluster": "0"]] == 0)
                #expect(page["detour_proxy_cluster_retries_total", ["cluster": "0"]] == 2)
                #expect(page["detour_proxy_cluster_response_flags_total", ["cluster": "0", "flag": "UF"]] == 1)
                #expect(page["detour_proxy_requests_total", ["listener": "test", "class": "5xx"]] == 1)
            }
            try await Stage.with { stage in
                let client = try await stage.client()
                try await client.write(ada)
                let server = try await stage.servers[0].accept()
                await server.text(ada)
                try await client.reset()
                while await stage.engine.connections() > 0 { await Task.yield() }
                let page = try MetricsReader(stage.engine.prometheusText())
                #expect(page["detour_proxy_requests_total", ["listener": "test", "class": "none"]] == 1)
                #expect(page["detour_proxy_response_flags_total", ["listener": "test", "flag": "DC"]] == 1)
                #expect(page["detour_proxy_connections_active", ["listener": "test"]] == 0)
                #expect(page["detour_proxy_requests_active", ["listener": "test"]] == 0)
            }
        }
    }
#endif
