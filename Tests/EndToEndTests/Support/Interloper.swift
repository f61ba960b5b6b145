import ClusterTestSupport
import Foundation
import KubernetesModel
import Logging
import NIOCore
import NIOPosix
import Tunnel
import TunnelTransport

/// Somebody in the Pod network who wants in: as another Pod of the namespace, and from where no other Pod gets, the loopback
/// of the interceptor's own.
struct Interloper: Sendable {
    /// The Pod as which requests are made, and the interceptor's: `NAMESPACE/POD`.
    let pod: String
    let interceptor: String
    /// The interceptor's address.
    let address: String

    init(in namespace: String) async throws {
        func pods(_ app: String) async throws -> String {
            let fields = "jsonpath={.items[0].metadata.name} {.items[0].status.podIP}"
            return try await Cluster.kubectl("get", "pods", "-n", namespace, "-l", "app=\(app)", "-o", fields)
        }
        let interceptor = try await pods("interceptor").split(separator: " ")
        guard interceptor.count == 2 else { throw ShellFailure(description: "no interceptor in \(namespace)") }
        self.interceptor = "\(namespace)/\(interceptor[0])"
        self.address = String(interceptor[1])
        self.pod = "\(namespace)/\(try await pods("leaf").split(separator: " ")[0])"
    }

    /// Runs a program of this machine in the network of a Pod.
    func run(in pod: String, _ words: String...) async throws -> ShellResult {
        try await Shell.run([Cluster.script, "pod-netns", pod] + words)
    }

    /// Where the interceptor's Pod listens for TCP, `ADDRESS:PORT`.
    func listeners() async throws -> Set<String> {
        let sockets = try await self.run(in: self.interceptor, "ss", "-ltnH")
        return Set(
            sockets.output.split(separator: "\n").compactMap { line in
                line.split(separator: " ").dropFirst(3).first.map(String.init)
            }
        )
    }

    /// Connections to a port that say nothing, for as long as they live.
    func crowd(_ count: Int, in pod: String, to address: String, _ port: Int) async throws -> RunningProcess {
        let script = """
            ulimit -n 4096; for i in $(seq \(count)); do exec {f}<>/dev/tcp/\(address)/\(port) || exit 1; done
            echo all are there >&2; exec sleep 30
            """
        let crowd = try RunningProcess([Cluster.script, "pod-netns", pod, "bash", "-c", script])
        try await crowd.says("all are there", within: .seconds(20))
        return crowd
    }

    /// A way to the port of the tunnels, as port-forward makes one: `127.0.0.2:PORT` of this machine leads there.
    func doorway(to port: Int) async throws -> (RunningProcess, port: Int) {
        let inside = "\(Cluster.script) pod-netns \(self.interceptor) socat - TCP\\:127.0.0.1\\:\(port)"
        let way = try RunningProcess(["socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.2,fork", "EXEC:\(inside)"])
        try await way.says("listening on", within: .seconds(5))
        guard let match = way.errors.firstMatch(of: #/listening on AF=2 127\.0\.0\.2:(\d+)/#), let port = Int(match.1)
        else { throw ShellFailure(description: "no port in: \(way.errors)") }
        return (way, port)
    }

    /// Asks for a tunnel at such a doorway; how that ended, in words.
    static func knock(
        _ port: Int,
        as identity: TunnelIdentity,
        of interceptor: String,
        _ hello: TunnelHello
    ) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.2", port: port).get()
        var logger = Logger(label: "interloper")
        logger.logLevel = .critical
        do {
            let tunnel = try await TunnelClient.connect(
                over: channel,
                configuration: .init(
                    identity: identity,
                    serverFingerprint: interceptor,
                    hello: hello,
                    destination: Nowhere()
                ),
                logger: logger
            )
            await tunnel.close()
            return "welcome"
        } catch let error as TunnelError {
            return "\(error)"
        }
    }
}

/// Takes nothing.
private struct Nowhere: LocalDestination {
    func addresses(for header: ProxyHeader) -> [SocketAddress] { [] }
    func scheme(for header: ProxyHeader) -> LocalScheme { .plain }
    func became(_ outcome: LocalOutcome, _ header: ProxyHeader) {}
}
