import HTTPTypes
import Hummingbird
import InterceptPlanning
import Logging
import ProxyTransport

/// Health for the kubelet and metrics for Prometheus, away from the data path's ports.
struct AdminServer: Sendable {
    /// Until it is tried again after it has failed, as for lack of descriptors.
    private static let pause = Duration.seconds(1)

    let state: ReplicaState
    let data: DataPath
    let host: String
    let logger: Logger

    /// Serves until the process ends; begins anew when it fails.
    ///
    /// Not to be cancelled: a connection that NIO has accepted, and that nobody takes any more because of that, is a trap
    /// that ends the process (swift-nio issue 2637).
    func run() async {
        while true {
            do {
                try await self.application.run()
            } catch {
                self.logger.error("admin server ended", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    private var application: some ApplicationProtocol {
        let router = Router()
        router.get("/healthz") { _, _ in "ok\n" }
        router.get("/readyz") { _, _ -> Response in
            switch self.state.readiness() {
            case .yes: Self.text(.ok, "ok\n")
            case .no(let why): Self.text(.serviceUnavailable, "\(why)\n")
            }
        }
        router.get("/stats/prometheus") { _, _ -> Response in
            Self.text(.ok, self.data.metrics.prometheusText(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        return Application(
            router: router,
            configuration: .init(
                address: .hostname(self.host, port: InterceptorConfiguration.adminPort),
                serverName: nil
            ),
            logger: Logger(label: "detour.admin", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    private static func text(
        _ status: HTTPResponse.Status,
        _ body: String,
        type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: .init(string: body)))
    }
}
