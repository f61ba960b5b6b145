#if os(Linux)
    import ProxyCore
    import Telemetry

    /// The page that Prometheus reads: what all loops have counted, added up when somebody asks.
    struct EngineMetrics {
        let listeners: [(name: String, loops: [ListenerCounts])]
        let clusters: [(name: String, loops: [ClusterCounts])]
        let dropped: Int

        var text: String {
            var page = MetricsPage()
            self.writeListeners(&page)
            self.writeClusters(&page)
            page.family(
                "detour_proxy_access_log_dropped_total",
                "counter",
                "Access log lines dropped because the log could not be written fast enough."
            )
            page.sample([], self.dropped)
            return page.text
        }

        private func writeListeners(_ page: inout MetricsPage) {
            let counts: [(String, String, String, (ListenerCounts) -> Int)] = [
                ("connections_total", "counter", "Client connections accepted.", { $0.connections.total }),
                ("connections_active", "gauge", "Client connections open now.", { $0.open.total }),
                ("tls_handshakes_total", "counter", "TLS handshakes that have ended.", { $0.handshakes.total }),
                ("tls_handshake_failures_total", "counter", "Of these, failed.", { $0.failedHandshakes.total }),
                ("refusals_total", "counter", "Requests the gateway answered itself.", { $0.refusals.total }),
                ("unread_connections_total", "counter", "Unread connections that have ended.", { $0.unread.total }),
                ("unread_unreachable_total", "counter", "Of these, reset without a server.", { $0.unreachable.total }),
            ]
            for (name, type, help, value) in counts {
                page.family("detour_proxy_\(name)", type, help)
                for (name, loops) in self.listeners { page.sample([("listener", name)], loops.sum(value)) }
            }
            let traffic = self.listeners.map { ($0.name, $0.loops.map(\.traffic)) }
            self.writeTraffic("detour_proxy_", "listener", traffic, &page)
        }

        private func writeClusters(_ page: inout MetricsPage) {
            let counts: [(String, String, (ClusterCounts) -> Int)] = [
                ("connections_opened_total", "Connections to servers that have opened.", { $0.opened.total }),
                ("connections_failed_total", "Connections to servers that did not open.", { $0.failed.total }),
                ("connections_reused_total", "Requests sent on a connection used before.", { $0.reused.total }),
                ("retries_total", "Requests sent once more, or to another server.", { $0.retries.total }),
            ]
            for (name, help, value) in counts {
                page.family("detour_proxy_cluster_\(name)", "counter", help)
                for (name, loops) in self.clusters { page.sample([("cluster", name)], loops.sum(value)) }
            }
            let traffic = self.clusters.map { ($0.name, $0.loops.map(\.traffic)) }
            self.writeTraffic("detour_proxy_cluster_", "cluster", traffic, &page)
        }

        private func writeTraffic(
            _ prefix: String,
            _ label: String,
            _ traffic: [(name: String, loops: [TrafficCounts])],
            _ page: inout MetricsPage
        ) {
            page.family("\(prefix)requests_total", "counter", "Requests that have ended, by the class of their status.")
            for (name, loops) in traffic {
                let totals = loops.map(\.classTotals)
                for (index, word) in TrafficCounts.classes.enumerated() {
                    page.sample([(label, name), ("class", word)], totals.sum { $0[index] })
                }
            }
            page.family("\(prefix)requests_active", "gauge", "Requests under way now.")
            for (name, loops) in traffic { page.sample([(label, name)], loops.sum { $0.active.total }) }
            page.family("\(prefix)response_flags_total", "counter", "Requests by what went wrong with them.")
            for (name, loops) in traffic {
                let totals = loops.map(\.flagTotals)
                for (index, each) in ResponseFlags.each.enumerated() {
                    page.sample([(label, name), ("flag", each.letters)], totals.sum { $0[index] })
                }
            }
            page.family("\(prefix)received_bytes_total", "counter", "Bytes from clients, of requests that have ended.")
            for (name, loops) in traffic { page.sample([(label, name)], loops.sum { $0.received.total }) }
            page.family("\(prefix)sent_bytes_total", "counter", "Bytes to clients, of requests that have ended.")
            for (name, loops) in traffic { page.sample([(label, name)], loops.sum { $0.sent.total }) }
            page.family("\(prefix)request_duration_seconds", "histogram", "From a request's first byte to its end.")
            for (name, loops) in traffic { page.histogram([(label, name)], Durations(loops.map(\.durations))) }
        }
    }

    extension Sequence {
        fileprivate func sum(_ value: (Element) -> Int) -> Int { self.reduce(0) { $0 + value($1) } }
    }
#endif
