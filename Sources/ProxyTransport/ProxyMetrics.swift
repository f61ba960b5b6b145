import ProxyCore
import Synchronization
public import Telemetry
import Tunnel

/// What the data plane counts, for Prometheus.
public final class ProxyMetrics: Sendable {
    private let ports = Mutex<[Int: PortMetrics]>([:])
    /// Access log lines that were dropped.
    public let logLinesDropped = Counter()

    /// Counters that all stand at zero.
    public init() {}

    /// The counters of a Service port; the same object for the same port.
    func port(_ port: Int) -> PortMetrics {
        self.ports.withLock { ports in
            if let known = ports[port] {
                return known
            }
            let fresh = PortMetrics(port: port)
            ports[port] = fresh
            return fresh
        }
    }

    /// How many client connections were accepted so far, on all ports.
    public var opened: Int { self.ports.withLock { $0.values.reduce(0) { $0 + Int($1.opened.value) } } }

    /// The counters in the text format that Prometheus reads.
    public func prometheusText() -> String {
        let ports = self.ports.withLock { $0.values.sorted { $0.port < $1.port } }
        var page = MetricsPage()
        page.family("detour_connections_opened_total", "counter", "Client connections accepted.")
        for port in ports { page.sample([("port", "\(port.port)")], port.opened.value) }
        page.family("detour_connections_active", "gauge", "Client connections open now.")
        for port in ports { page.sample([("port", "\(port.port)")], port.active.value) }
        self.writeRequests(ports, &page)
        self.writeConnections(ports, &page)
        self.writeMirrors(ports, &page)
        self.writeAcknowledgements(ports, &page)
        page.family(
            "detour_log_lines_dropped_total",
            "counter",
            "Access log lines dropped because the log was not read."
        )
        page.sample([], self.logLinesDropped.value)
        return page.text
    }

    private func writeRequests(_ ports: [PortMetrics], _ page: inout MetricsPage) {
        page.family("detour_requests_total", "counter", "Requests by who answered, and why it was not the laptop.")
        for port in ports {
            for server in Record.Server.allCases {
                for reason in [nil] + Fallback.allCases {
                    let value = port.requests(server, reason).value
                    // Reasons that never came up stay out; the three servers are always there.
                    guard value > 0 || reason == nil else { continue }
                    let labels = [("served_by", "\(server.token)"), ("reason", reason.map { "\($0.token)" } ?? "")]
                    page.sample([("port", "\(port.port)")] + labels, value)
                }
            }
        }
        for (name, help, counters) in [
            ("detour_received_bytes_total", "Bytes from clients.", \PortMetrics.bytesIn),
            ("detour_sent_bytes_total", "Bytes to clients.", \PortMetrics.bytesOut),
        ] {
            page.family(name, "counter", help)
            for port in ports {
                for server in Record.Server.allCases {
                    let labels = [("port", "\(port.port)"), ("served_by", "\(server.token)")]
                    page.sample(labels, port[keyPath: counters][Int(server.rawValue)].value)
                }
            }
        }
    }

    private func writeConnections(_ ports: [PortMetrics], _ page: inout MetricsPage) {
        page.family("detour_raw_connections_total", "counter", "Connections passed unread, by what was found.")
        for port in ports {
            for reason in RawReason.allCases {
                let value = port.raw[Int(reason.rawValue)].value
                guard value > 0 else { continue }
                page.sample([("port", "\(port.port)"), ("reason", "\(reason.token)")], value)
            }
        }
        page.family("detour_resets_total", "counter", "Connections reset, by the side that began it.")
        for port in ports {
            for side in Side.allCases {
                page.sample([("port", "\(port.port)"), ("side", "\(side)")], port.resets[Int(side.rawValue)].value)
            }
        }
        page.family("detour_original_connect_failures_total", "counter", "Connections the original did not accept.")
        for port in ports { page.sample([("port", "\(port.port)")], port.originalFailures.value) }
    }

    private func writeMirrors(_ ports: [PortMetrics], _ page: inout MetricsPage) {
        page.family("detour_mirrored_exchanges_total", "counter", "Exchanges for mirrors: copied, or why not.")
        for port in ports {
            page.sample([("port", "\(port.port)"), ("result", "copied")], port.mirrored.value)
            for reason in MirrorMiss.allCases where port.missed(reason).value > 0 {
                page.sample([("port", "\(port.port)"), ("result", reason.token)], port.missed(reason).value)
            }
        }
    }

    private func writeAcknowledgements(_ ports: [PortMetrics], _ page: inout MetricsPage) {
        page.family(
            "detour_upstream_acknowledgement_seconds",
            "histogram",
            "Time until a tunnel acknowledged a stream."
        )
        for port in ports { page.histogram([("port", "\(port.port)")], port.acknowledgement.durations) }
    }
}
