import InterceptPlanning
import NIOCore
import NIOPosix

/// Finds out, before the first connection comes, whether the original can be reached through the decoy.
struct DecoyProbe: Sendable {
    private let configuration: InterceptorConfiguration
    private let group: any EventLoopGroup

    init(_ configuration: InterceptorConfiguration, group: any EventLoopGroup) {
        self.configuration = configuration
        self.group = group
    }

    /// Tries until a port of the decoy takes a connection; says what is wrong meanwhile.
    func run(state: ReplicaState, steward: Steward) async {
        while !Task.isCancelled {
            var failures: [String] = []
            for port in self.configuration.ports {
                do {
                    let channel = try await ClientBootstrap(group: self.group)
                        .connectTimeout(.seconds(2))
                        .connect(host: self.configuration.decoyAddress, port: port.port)
                        .get()
                    try? await channel.close()
                } catch {
                    failures.append("\(port.port)")
                }
            }
            // A port nobody listens on is the workload's own affair; none at all is not.
            if failures.count < self.configuration.ports.count {
                state.with { $0.hasReachedDecoy = true }
                await steward.report(problem: "")
                return
            }
            await steward.report(
                problem: "the original of service \(self.configuration.service) cannot be reached through service "
                    + "\(self.configuration.names.decoy) (port \(failures.joined(separator: ", "))): are its Pods ready "
                    + "(kubectl get endpoints \(self.configuration.names.decoy) -n \(self.configuration.namespace)), "
                    + "and does a NetworkPolicy forbid it?"
            )
            try? await Task.sleep(for: .milliseconds(500))
        }
    }
}
