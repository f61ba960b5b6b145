import ArgumentParser
import Foundation
import Intercept
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import TrafficMatch

/// `detour intercept`: the main job.
struct InterceptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "intercept",
        abstract: "Answer matching requests to a Service from this machine.",
        discussion: """
            Requests that carry the header are answered by the local port, all others by the cluster as before. When \
            the local port does not answer, the original does. The intercept ends with Ctrl-C, or by itself when this \
            machine has been gone for the ttl.
            """
    )

    @Argument(
        help: """
            The Service, NAME or service/NAME; or deployment/NAME or statefulset/NAME for the Service that leads to it.
            """
    )
    var target: String

    @Argument(help: "The name, where the target is a kind in a word of its own, as in 'service leaf'.")
    var name: String?

    @OptionGroup var localSide: LocalSideOptions

    @OptionGroup var bounds: BoundOptions

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: [.customShort("p"), .customLong("port")],
        help: "REMOTE[:LOCAL], the Service's port (number or name) and the local port. Repeatable."
    )
    var ports: [String] = []

    @Option(name: [.customShort("r"), .customLong("remotePort")], help: "The Service's port; goes with -l.")
    var remotePort: String?

    @Option(name: [.customShort("l"), .customLong("localPort")], help: "The local port; goes with -r.")
    var localPort: Int?

    @OptionGroup(title: "Which requests")
    var matching: MatchOptions

    @OptionGroup(title: "Comparing")
    var mirroring: MirrorOptions

    @Option(help: "How long this machine may be gone before the cluster restores itself, as in 60s or 2m.")
    var ttl: Seconds = Seconds(60)

    @Option(help: "How long connections of others may linger in the interceptor at the end, as in 30s or 10m.")
    var drain: Seconds = Seconds(600)

    @Option(help: "What answers matching requests when this machine does not: original or 503.")
    var onUnreachable: Fallback = .original

    @Flag(help: "Remove the routes of others that take requests this one would take.")
    var takeOver = false

    @Flag(
        help: """
            Once the intercept is ready, restart what the Service leads to, as 'kubectl rollout restart' does: \
            connections from before end with its old Pods.
            """
    )
    var restartTarget = false

    @Option(help: "How many interceptor replicas; as many as the workload's redundancy asks for when left out.")
    var replicas: Int?

    @Option(help: "The interceptor's image (also DETOUR_IMAGE).")
    var image: String?

    @Option(help: "A Secret in the namespace with credentials for pulling the image.")
    var imagePullSecret: String?

    @Option(
        name: [.customLong("tls-secret"), .customLong("tlsSecretName")],
        help: """
            [PORT=]NAME: the Secret with the Service's own certificate and key, for ports that speak TLS: requests inside are \
            read, and go on to the original in TLS again. Repeatable.
            """
    )
    var tlsSecrets: [String] = []

    @Flag(help: "Print what would be created and changed, and change nothing.")
    var dryRun = false

    @Flag(name: [.customShort("c"), .long, .customLong("clean")], help: "End this intercept and put everything back.")
    var close = false

    @Option(name: [.customShort("o"), .long], help: "How data is printed: table, json or yaml.")
    var output: OutputFormat = .table

    @Flag(name: [.customShort("q"), .long], help: "Say only warnings and errors.")
    var quiet = false

    @Flag(help: "Print lines on a terminal too, in place of the screen.")
    var noScreen = false

    /// What answers instead of this machine.
    enum Fallback: String, ExpressibleByArgument, CaseIterable {
        case original
        case unavailable = "503"
    }

    func validate() throws {
        if (self.remotePort == nil) != (self.localPort == nil) {
            throw ValidationError(
                "-r/--remotePort and -l/--localPort go together, as in -r 80 -l 3000; or use -p 80:3000"
            )
        }
        if let localPort, !(1...65_535).contains(localPort) {
            throw ValidationError("-l takes a port number from 1 to 65535")
        }
        if !self.tlsSecrets.isEmpty, self.matching.all {
            throw ValidationError(
                "--all takes connections unread, in TLS as they come; it does not go with --tls-secret"
            )
        }
        if self.mirroring.mirror, self.takeOver || self.onUnreachable == .unavailable {
            throw ValidationError("--mirror takes nothing: leave out --take-over and --on-unreachable")
        }
        if self.mirroring.mirror, self.localSide.localScheme != .http {
            throw ValidationError("--mirror asks the local process over plain HTTP/1.1: leave out --local-scheme")
        }
        if let replicas, replicas < 1 { throw ValidationError("--replicas takes a number from 1") }
    }

    func run() async throws {
        try await Failure.reported {
            let reference = try self.reference()
            // What is wrong with the options is said before the cluster is asked anything.
            _ = try self.options(service: reference.name)
            try await self.connection.withClient { client in
                let service = try await TargetChoice(client: client, isQuiet: self.quiet).service(of: reference)
                let options = try self.options(service: service)
                if self.close {
                    try await SessionClosing(client: client, output: self.output, isQuiet: self.quiet)
                        .leave(service: service)
                } else if self.dryRun {
                    let plan = try await InterceptRun(options: options, client: client, events: { _ in }).dryRun()
                    Terminal.print(try plan.output.text(self.output))
                } else {
                    try await self.intercept(options, client)
                }
            }
        }
    }

    /// What the words before the options name.
    func reference() throws -> TargetReference {
        try TargetReference(typed: [self.target] + [self.name].compactMap(\.self))
    }

    func options(service: String) throws -> InterceptOptions {
        var mappings = try self.ports.map(InterceptOptions.PortMapping.init(parsing:))
        if let remotePort, let localPort {
            mappings.append(.init(remote: remotePort, local: localPort))
        }
        var options = InterceptOptions(
            service: service,
            ports: mappings,
            match: try self.matching.match(),
            owner: Program.owner,
            image: Program.interceptorImage(asked: self.image),
            version: Program.version
        )
        options.samplePer10000 = self.matching.sample.per10000
        options.imagePullSecret = self.imagePullSecret
        options.tlsSecrets = try self.tlsSecrets.map(TLSSecret.init(parsing:))
        options.replicas = self.replicas
        options.ttlSeconds = self.ttl.value
        options.drainSeconds = self.drain.value
        options.onUnreachable = self.onUnreachable == .original ? .original : .unavailable
        options.takesOver = self.takeOver
        options.localScheme = try self.localSide.schemeChoice()
        options.restartsTarget = self.restartTarget
        options.mirror = self.mirroring.rules
        self.bounds.apply(to: &options)
        return options
    }
}
