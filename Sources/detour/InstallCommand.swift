import ArgumentParser
import Intercept
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// `detour install`: what an administrator sets up once.
struct InstallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Set up once what developers need who are no administrators.",
        usage: """
            \(ProgramName.typed) install --cluster | -n NAMESPACE [--user NAME ...] [--group NAME ...] [--service NAME ...] [OPTION ...]
            """,
        discussion: """
            --cluster makes the definition of Sessions and the ClusterRole \(Installation.roleName). -n NAMESPACE makes the \
            Role \(Installation.roleName) there and gives it to the users, groups and service accounts that are named. \
            Both say of each object whether it was created, changed or unchanged; doing it twice changes nothing.

            --dry-run asks no cluster and prints the manifests, for review or for kubectl apply -f -.

            \(ProgramName.typed) install --cluster
            \(ProgramName.typed) install -n shop --user ada --group team-web --service leaf
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Flag(help: "Set up what the whole cluster needs once, in no namespace.")
    var cluster = false

    @Option(
        name: .customLong("user"),
        help: ArgumentHelp("A user who is given the Role. Repeatable.", valueName: "NAME")
    )
    var users: [String] = []

    @Option(
        name: .customLong("group"),
        help: ArgumentHelp("A group that is given the Role. Repeatable.", valueName: "NAME")
    )
    var groups: [String] = []

    @Option(
        name: .customLong("service-account"),
        help: ArgumentHelp(
            "A service account that is given the Role. Repeatable.",
            valueName: "[NAMESPACE:]NAME"
        )
    )
    var serviceAccounts: [String] = []

    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            """
            A Service; what an intercept of it made may be deleted, by name, when it ends. Otherwise the garbage collector \
            does that up to a minute later. Repeatable.
            """,
            valueName: "NAME"
        )
    )
    var services: [String] = []

    @Flag(
        help: """
            Let Sessions be kept in ConfigMaps where the cluster does not know them: those of each --service, or without \
            one any ConfigMap of the namespace may be changed.
            """
    )
    var configMaps = false

    @Flag(
        help: """
            Make what the interceptor of each --service runs as (ServiceAccount, Role, RoleBinding), too, and leave the \
            right to make these out of the Role.
            """
    )
    var interceptors = false

    @Option(
        name: .customLong("restart"),
        help: ArgumentHelp(
            "A workload that --restart-target may restart, as in deployment/leaf. Repeatable.",
            valueName: "KIND/NAME"
        )
    )
    var restarts: [String] = []

    @Flag(help: "Print the manifests and change nothing.")
    var dryRun = false

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp(
            "How data is printed: table, json or yaml. Manifests are yaml unless json is asked for.",
            valueName: "FORMAT"
        )
    )
    var output: OutputFormat = .table

    func validate() throws {
        guard self.cluster != (self.connection.namespace != nil) else {
            throw ValidationError("say where: either -n NAMESPACE, or --cluster for what all namespaces share")
        }
        guard self.cluster else {
            _ = try self.installation()
            return
        }
        guard self.users.isEmpty, self.groups.isEmpty, self.serviceAccounts.isEmpty, self.services.isEmpty,
            !self.configMaps, !self.interceptors, self.restarts.isEmpty
        else {
            throw ValidationError(
                "--user, --group, --service-account, --service, --config-maps, --interceptors and --restart go with "
                    + "-n NAMESPACE: --cluster gives nothing to anybody"
            )
        }
    }

    func run() async throws {
        try await Failure.reported {
            let installation = try self.installation()
            guard !self.dryRun else { return Terminal.print(try installation.text(self.output)) }
            try await self.connection.withClient { client in
                var report = InstallReport()
                let failure: (any Error)?
                do {
                    try await Installer(client: client, installation: installation).run { report.steps.append($0) }
                    failure = nil
                } catch {
                    failure = error
                }
                // What was done before a failure stays done, so it is said.
                if failure == nil || !report.steps.isEmpty { try self.tell(report) }
                if let failure { throw failure }
                await self.sayWhatIsMissing(client)
            }
        }
    }

    /// The manifests that are asked for.
    func installation() throws -> Installation {
        guard let namespace = self.connection.namespace else { return .cluster }
        guard !namespace.isEmpty, !self.services.contains("") else {
            throw ValidationError("-n and --service take a name that is not empty")
        }
        guard !self.interceptors || !self.services.isEmpty else {
            throw ValidationError("--interceptors needs to know of which Services: name each with --service")
        }
        let users = try self.users.map { try Self.read(Subject(.user, $0), "--user") }
        let groups = try self.groups.map { try Self.read(Subject(.group, $0), "--group") }
        let accounts = try self.serviceAccounts.map {
            try Self.read(Subject(serviceAccount: $0, in: namespace), "--service-account")
        }
        return .namespace(
            namespace,
            subjects: users + groups + accounts,
            services: self.services,
            keepsConfigMaps: self.configMaps,
            preparesInterceptors: self.interceptors,
            restarts: try self.restarts.map { text in
                guard let workload = RolloutRestart(typed: text) else {
                    throw ValidationError(
                        "--restart takes KIND/NAME with deployment, statefulset or daemonset, as in deployment/leaf, not "
                            + "'\(text)'"
                    )
                }
                return workload
            }
        )
    }

    private static func read(_ subject: Subject?, _ flag: String) throws -> Subject {
        guard let subject else {
            let form = flag == "--service-account" ? "NAME or NAMESPACE:NAME" : "a name that is not empty"
            throw ValidationError("\(flag) takes \(form)")
        }
        return subject
    }

    private func tell(_ report: InstallReport) throws {
        Terminal.print(try report.output.text(self.output))
        for step in report.steps where !step.differences.isEmpty {
            Terminal.say("\(step.item):")
            for difference in step.differences { Terminal.say("  \(difference)") }
        }
    }

    /// What is still to be done before a developer can intercept.
    private func sayWhatIsMissing(_ client: KubernetesClient) async {
        guard !self.cluster else { return }
        if self.users.isEmpty, self.groups.isEmpty, self.serviceAccounts.isEmpty {
            Terminal.say("nobody was named (--user, --group, --service-account): who has the Role is as before")
        }
        if !self.configMaps, (try? await client.serves(.sessions)) == false {
            Terminal.say(
                "the cluster does not know Sessions yet: an administrator of the cluster says detour install --cluster; "
                    + "without one, say --config-maps too",
                .warning
            )
        }
    }
}

/// What became of each object, as data.
struct InstallReport {
    var steps: [InstallStep] = []

    var output: Output {
        Output(
            columns: ["OUTCOME", "KIND", "NAMESPACE", "NAME"],
            rows: self.steps.map { step in
                let manifest = step.item.manifest
                return [step.outcome.rawValue, step.item.type.kind, manifest.namespace ?? "-", manifest.name]
            },
            json: .array(self.steps.map(\.json))
        )
    }
}

extension Installation {
    /// The manifests as kubectl takes them: documents of one YAML stream, or a JSON `List`.
    func text(_ format: OutputFormat) throws -> String {
        guard format != .json else { return self.list.pretty }
        return try self.items.map { try Output.yaml($0.manifest.json) }.joined(separator: "\n---\n")
    }
}
