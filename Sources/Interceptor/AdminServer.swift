import AdminPort
import InterceptPlanning
import Logging
import ProxyTransport

/// Health for the kubelet and metrics for Prometheus, away from the data path's ports.
struct AdminServer: Sendable {
    let state: ReplicaState
    let data: DataPath
    let host: String
    let logger: Logger

    /// Serves until the process ends; see `AdminPort.run()`.
    func run() async {
        await AdminPort(
            host: self.host,
            port: InterceptorConfiguration.adminPort,
            pages: [
                AdminPage("/healthz") { .text("ok\n") },
                AdminPage("/readyz") {
                    switch self.state.readiness() {
                    case .yes: .text("ok\n")
                    case .no(let why): .text("\(why)\n", isReady: false)
                    }
                },
                AdminPage("/stats/prometheus") { .metrics(self.data.metrics.prometheusText()) },
            ],
            logger: self.logger
        ).run()
    }
}
