import InterceptPlanning
import NIOCore
import NIOPosix
import ProxyTransport

/// Finds out, before the first connection comes, whether the original can be reached through the decoy, and, on ports
/// where TLS is spoken in its place, whether it is who it should be.
struct DecoyProbe: Sendable {
    private let configuration: InterceptorConfiguration
    private let terminations: [Int: TLSTermination]
    private let group: any EventLoopGroup

    init(
        _ configuration: InterceptorConfiguration,
        terminations: [Int: TLSTermination] = [:],
        group: any EventLoopGroup
    ) {
        self.configuration = configuration
        self.terminations = terminations
        self.group = group
    }

    /// Tries until a port of the decoy takes a connection, and all that speak TLS do; says what is wrong meanwhile.
    func run(state: ReplicaState, steward: Steward) async {
        while !Task.isCancelled {
            guard let problem = await self.problem() else {
                state.with { $0.hasReachedDecoy = true }
                await steward.report(problem: "")
                return
            }
            await steward.report(problem: problem)
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    /// What is wrong now; nil when nothing is.
    func problem() async -> String? {
        var failures: [String] = []
        for port in self.configuration.ports {
            do {
                if let termination = self.terminations[port.port] {
                    let original = try SocketAddress(ipAddress: self.configuration.decoyAddress, port: port.port)
                    try await termination.probe(original, group: self.group)
                } else {
                    let channel = try await ClientBootstrap(group: self.group)
                        .connectTimeout(.seconds(2))
                        .connect(host: self.configuration.decoyAddress, port: port.port)
                        .get()
                    try? await channel.close()
                }
            } catch let trouble as TLSTrouble where trouble.code != .unreachable {
                return
                    "TLS cannot be spoken in place of the original of service \(self.configuration.service), port \(port): "
                    + trouble.message
            } catch {
                failures.append("\(port.port)")
            }
        }
        let places = failures.joined(separator: ", ")
        // A port nobody listens on is the workload's own affair; none at all is not, nor one whose TLS is to be spoken.
        let needed = self.terminations.keys.contains { failures.contains("\($0)") }
        guard needed || failures.count == self.configuration.ports.count else { return nil }
        return "the original of service \(self.configuration.service) cannot be reached through service "
            + "\(self.configuration.names.decoy) (port \(places)): are its Pods ready "
            + "(kubectl get endpoints \(self.configuration.names.decoy) -n \(self.configuration.namespace)), "
            + "and does a NetworkPolicy forbid it?"
    }
}
