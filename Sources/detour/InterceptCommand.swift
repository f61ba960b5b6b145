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
        usage: """
            \(ProgramName.typed) intercept TARGET [-n NAMESPACE] [-p REMOTE[:LOCAL]] [-x NAME:VALUE] [OPTION ...] [-- COMMAND ...]
            """,
        discussion: """
            Requests that carry the header are answered by the local port, all others by the cluster as before. When \
            the local port does not answer, the original does. The intercept ends with Ctrl-C, or by itself when this \
            machine has been gone for the ttl.

            \(ProgramName.typed) intercept leaf -n shop -p 80:3000
              port 3000 here answers requests to port 80 of Service leaf with the header X-C6O-INTERCEPT: yes
            \(ProgramName.typed) intercept leaf -n shop -p 80:3000 -x 'X-User: ada' -- npm start
              another header, and the local service is started, too
            \(ProgramName.typed) intercept leaf -n shop --close
              ends your intercept from elsewhere
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The Service, NAME or service/NAME; or deployment/NAME or statefulset/NAME for the Service that leads to it.",
            valueName: "TARGET"
        )
    )
    var target: String

    @Argument(
        help: ArgumentHelp(
            "The name, where the target is a kind in a word of its own, as in 'service leaf'.",
            valueName: "NAME"
        )
    )
    var name: String?

    @OptionGroup var localSide: LocalSideOptions

    @OptionGroup var bounds: BoundOptions

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: [.customShort("p"), .customLong("port")],
        help: ArgumentHelp(
            "The Service's port (number or name) and the local port. Repeatable.",
            valueName: "REMOTE[:LOCAL]"
        )
    )
    var ports: [String] = []

    @Option(
        name: [.customShort("r"), .customLong("remotePort")],
        help: ArgumentHelp("The Service's port; goes with -l.", valueName: "PORT")
    )
    var remotePort: String?

    @Option(
        name: [.customShort("l"), .customLong("localPort")],
        help: ArgumentHelp("The local port; goes with -r.", valueName: "PORT")
    )
    var localPort: Int?

    @OptionGroup(title: "Which requests")
    var matching: MatchOptions

    @OptionGroup(title: "Comparing")
    var mirroring: MirrorOptions

    @Option(
        help: ArgumentHelp(
            "How long this machine may be gone before the cluster restores itself, as in 60s or 2m.",
            valueName: "TIME"
        )
    )
    var ttl: Seconds = Seconds(60)

    @Option(
        help: ArgumentHelp(
            "How long connections of others may linger in the interceptor at the end, as in 30s or 10m.",
            valueName: "TIME"
        )
    )
    var drain: Seconds = Seconds(600)

    @Option(
        help: ArgumentHelp("What answers matching requests when this machine does not.", valueName: "WHO")
    )
    var onUnreachable: Fallback = .original

    @Option(
        help: ArgumentHelp(
            "What happens when somebody else, or a GitOps tool, puts the Service back: the intercept ends (yield), or takes it again (reassert).",
            valueName: "WHAT"
        )
    )
    var onRevert: Revert = .yield

    @Flag(help: "Remove the routes of others that take requests this one would take.")
    var takeOver = false

    @Flag(
        help: """
            Once the intercept is ready, restart what the Service leads to, as 'kubectl rollout restart' does: \
            connections from before end with its old Pods.
            """
    )
    var restartTarget = false

    @Option(
        help: ArgumentHelp(
            "How many interceptor replicas; as many as the workload's redundancy asks for when left out.",
            valueName: "N"
        )
    )
    var replicas: Int?

    @Option(help: ArgumentHelp("The interceptor's image (also DETOUR_IMAGE).", valueName: "IMAGE"))
    var image: String?

    @Option(
        help: ArgumentHelp("A Secret in the namespace with credentials for pulling the image.", valueName: "NAME")
    )
    var imagePullSecret: String?

    @Option(
        name: [.customLong("tls-secret"), .customLong("tlsSecretName")],
        help: ArgumentHelp(
            """
            The Secret with the Service's own certificate and key, for ports that speak TLS: requests inside are read, and go \
            on to the original in TLS again. Repeatable.
            """,
            valueName: "[PORT=]NAME"
        )
    )
    var tlsSecrets: [String] = []

    @Flag(help: "Print what would be created and changed, and change nothing.")
    var dryRun = false

    @Flag(name: [.customShort("c"), .long, .customLong("clean")], help: "End this intercept and put everything back.")
    var close = false

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("How data is printed: table, json or yaml.", valueName: "FORMAT")
    )
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

    /// What becomes of the intercept when somebody else puts the Service back.
    enum Revert: String, ExpressibleByArgument, CaseIterable {
        case yield
        case reassert
    }

    func validate() throws {
        if (self.remotePort == nil) != (self.localPort == nil) {
            throw ValidationError(
                "-r/--remotePort and -l/--localPort go together, as in -r 80 -l 3000; or use -p 80:3000"
            )
        }
        if let localPort, !(1...65_535).contains(localPort) {
            throw ValidationError("-l takes a port number from 1 to 65535, not \(localPort)")
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
            throw ValidationError(
                "--mirror asks the local process in the version of HTTP that came, without TLS: leave out --local-scheme"
            )
        }
        if let replicas, replicas < 1 { throw ValidationError("--replicas takes a number from 1, not \(replicas)") }
    }

    func run() async throws {
        try await Failure.reported {
            let reference = try self.reference()
            // What is wrong with the options is said before the cluster is asked anything.
            _ = try self.options(service: reference.name)
            let screen = self.screen()
            let lines = EventRenderer(format: self.output, isQuiet: self.quiet, isMirror: self.mirroring.mirror).render
            let render: @Sendable (InterceptEvent) -> Void = { event in
                if let screen { screen.note(event) } else { lines(event) }
            }
            let intercepts = !self.close && !self.dryRun
            let notice: @Sendable (String) -> Void = { intercepts ? render(.warning($0)) : Terminal.say($0) }
            let connection = try self.connection.load()
            try await self.connection.withClient(of: connection, notice: notice) { client in
                let service = try await TargetChoice(client: client, isQuiet: self.quiet).service(of: reference)
                let options = try self.options(service: service)
                if self.close {
                    try await SessionClosing(client: client, output: self.output, isQuiet: self.quiet)
                        .leave(service: service)
                } else if self.dryRun {
                    let plan = try await InterceptRun(options: options, client: client, events: { _ in }).dryRun()
                    Terminal.print(try plan.output.text(self.output))
                } else {
                    let guardian = Guardian(words: GuardianRole.words + self.connection.words(for: connection)) {
                        render(.warning($0))
                    }
                    try await self.intercept(options, client, guardian, screen, render)
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
        options.onRevert = self.onRevert == .yield ? .yield : .reassert
        options.onUnreachable = self.onUnreachable == .original ? .original : .unavailable
        options.takesOver = self.takeOver
        options.localScheme = try self.localSide.schemeChoice()
        options.restartsTarget = self.restartTarget
        options.mirror = self.mirroring.rules
        self.bounds.apply(to: &options)
        return options
    }
}
