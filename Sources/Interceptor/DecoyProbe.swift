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
    ///
    /// Once the Service is swapped, a port that takes a connection is enough to be ready: what TLS cannot be spoken for
    /// passes unread, and a Service without endpoints would pass nothing.
    func run(state: ReplicaState, steward: Steward) async {
        while !Task.isCancelled {
            let (problem, reachesSome) = await self.look()
            await steward.report(problem: problem ?? "")
            let isSwapped = state.with { parts in
                parts.service.flatMap { ServiceSwap.selectedIncarnation(of: $0) } == self.configuration.incarnation
            }
            if problem == nil || (isSwapped && reachesSome) { state.with { $0.hasReachedDecoy = true } }
            if problem == nil { return }
            try? await Task.sleep(for: isSwapped ? .seconds(5) : .milliseconds(500))
        }
    }

    /// What is wrong now; nil when nothing is.
    func problem() async -> String? { await self.look().problem }

    /// What is wrong now, and whether any port takes a connection.
    private func look() async -> (problem: String?, reachesSome: Bool) {
        var failures: [String] = []
        var trouble: String?
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
            } catch let found as TLSTrouble where found.code != .unreachable {
                trouble =
                    trouble
                    ?? "TLS cannot be spoken in place of the original of service \(self.configuration.service), port \(port): "
                    + found.message
            } catch {
                failures.append("\(port.port)")
            }
        }
        let places = failures.joined(separator: ", ")
        // A port nobody listens on is the workload's own affair; none at all is not, nor one whose TLS is to be spoken.
        let needed = self.terminations.keys.contains { failures.contains("\($0)") }
        let reachesSome = failures.count < self.configuration.ports.count
        guard needed || !reachesSome else { return (trouble, reachesSome) }
        let unreachable =
            "the original of service \(self.configuration.service) cannot be reached through service "
            + "\(self.configuration.names.decoy) (port \(places)): are its Pods ready "
            + "(kubectl get endpoints \(self.configuration.names.decoy) -n \(self.configuration.namespace)), "
            + "and does a NetworkPolicy forbid it?"
        return (trouble ?? unreachable, reachesSome)
    }
}
