import ArgumentParser
import Intercept
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import Synchronization

/// `detour session`: what is intercepted, by whom, and how to end it.
struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session",
        abstract: "List, show and close intercept sessions.",
        discussion: """
            A session is the intercept of one Service, by one developer or several.

            \(ProgramName.typed) session list -A
            \(ProgramName.typed) session close leaf -n shop
            """,
        subcommands: [List.self, Show.self, Close.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the sessions of a namespace.",
            usage: "\(ProgramName.typed) session list [-n NAMESPACE | -A] [OPTION ...]"
        )

        @OptionGroup var connection: ConnectionOptions

        @Flag(name: [.customShort("A"), .long], help: "Of all namespaces.")
        var allNamespaces = false

        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp("How data is printed: table, json or yaml.", valueName: "FORMAT")
        )
        var output: OutputFormat = .table

        func run() async throws {
            try await Failure.reported {
                try await self.connection.withClient { client in
                    let contents = try await SessionInventory(
                        client: client,
                        spansNamespaces: self.allNamespaces
                    ).contents()
                    for kind in contents.unseen {
                        Terminal.say(
                            "warning: you may not list \(kind.rawValue); sessions that these hold are not shown"
                        )
                    }
                    for one in contents.damaged {
                        Terminal.say(
                            "warning: the session of \(one.service) in namespace \(one.namespace) cannot be read "
                                + "(\(one.reason)); detour session close \(one.service) -n \(one.namespace) --force "
                                + "restores the Service and removes it"
                        )
                    }
                    let sessions = contents.sessions
                    guard !sessions.isEmpty || self.output != .table else {
                        return Terminal.say(
                            self.allNamespaces ? "no sessions" : "no sessions in namespace \(client.namespace)"
                        )
                    }
                    Terminal.print(try Self.output(sessions).text(self.output))
                }
            }
        }

        private static func output(_ sessions: [Session]) -> Output {
            Output(
                columns: ["NAMESPACE", "SERVICE", "PHASE", "OWNER", "MATCH", "PORTS", "REPLICAS"],
                rows: sessions.flatMap { session in
                    let replicas = String(session.replicas.count)
                    guard !session.routes.isEmpty else {
                        return [[session.namespace, session.service, session.phase.rawValue, "-", "-", "-", replicas]]
                    }
                    return session.routes.map { route in
                        [
                            session.namespace, session.service, session.phase.rawValue, route.owner,
                            route.claim, route.ports.map(String.init).joined(separator: ","), replicas,
                        ]
                    }
                },
                json: .array(
                    sessions.map { session in
                        var json = session.document.json
                        json["metadata"]?["uid"] = .string(session.uid)
                        return json
                    }
                )
            )
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one session: routes, replicas, the original.",
            usage: "\(ProgramName.typed) session show NAME [-n NAMESPACE] [OPTION ...]"
        )

        @Argument(help: ArgumentHelp("The Service's name, or the session's.", valueName: "NAME"))
        var name: String

        @OptionGroup var connection: ConnectionOptions

        @Option(name: [.customShort("o"), .long], help: ArgumentHelp("How data is printed.", valueName: "FORMAT"))
        var output: OutputFormat = .yaml

        func run() async throws {
            try await Failure.reported {
                try await self.connection.withClient { client in
                    let session = try await SessionInventory(client: client).session(named: self.name)
                    let stored = try await client.resources(session.kind.type).get(session.name)
                    var json = session.kind == .configMap ? try SessionConfigMap.unfolded(stored).json : stored.json
                    json["metadata"]?["managedFields"] = nil
                    Terminal.print(
                        try Output(columns: [], rows: [], json: json).text(self.output == .table ? .yaml : self.output)
                    )
                }
            }
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a session and put everything back.",
            usage: "\(ProgramName.typed) session close [NAME | --all] [-n NAMESPACE] [OPTION ...]",
            discussion: """
                Everybody's routes end. The Service is restored at once; the interceptor goes when connections of \
                others have ended. --force does not wait for those, and also heals a Service whose session is gone.

                \(ProgramName.typed) session close leaf -n shop
                \(ProgramName.typed) session close --all -n shop
                """
        )

        @Argument(
            help: ArgumentHelp(
                "The Service's name, or the session's; the namespace's only session when left out.",
                valueName: "NAME"
            )
        )
        var name: String?

        @OptionGroup var connection: ConnectionOptions

        @Flag(help: "Every session of the namespace.")
        var all = false

        @Flag(help: "Delete what is left at once, without waiting for connections to end.")
        var force = false

        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp("How data is printed: table, json or yaml.", valueName: "FORMAT")
        )
        var output: OutputFormat = .table

        @Flag(name: [.customShort("q"), .long], help: "Say only warnings and errors.")
        var quiet = false

        func validate() throws {
            guard self.name == nil || !self.all else {
                throw ValidationError("name a session, or say --all; not both")
            }
        }

        func run() async throws {
            try await Failure.reported {
                try await self.connection.withClient { client in
                    let closing = SessionClosing(client: client, output: self.output, isQuiet: self.quiet)
                    if let name = self.name {
                        let service = try await SessionInventory(client: client).service(named: name)
                        try await closing.close(service: service, force: self.force)
                    } else if self.all {
                        try await closing.closeAll(force: self.force)
                    } else {
                        try await closing.closeOnly(force: self.force)
                    }
                }
            }
        }
    }
}

/// Ends sessions and tells what happens.
struct SessionClosing {
    var client: KubernetesClient
    var output: OutputFormat
    var isQuiet: Bool

    func closeAll(force: Bool) async throws {
        let services = try await SessionInventory(client: self.client).interceptedServices()
        if services.isEmpty { Terminal.say("no sessions in namespace \(self.client.namespace)") }
        var failure: (any Error)?
        for service in services {
            do {
                try await self.close(service: service, force: force)
            } catch {
                Terminal.say("\(service): \(error)")
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Ends the only session there is.
    func closeOnly(force: Bool) async throws {
        let services = try await SessionInventory(client: self.client).interceptedServices()
        guard services.count > 1 else { return try await self.closeAll(force: force) }
        let commands = services.map { "\n  \(ProgramName.typed) session close \($0) -n \(self.client.namespace)" }
        throw ValidationError(
            "there are several sessions in namespace \(self.client.namespace); name one, or say --all:\(commands.joined())"
        )
    }

    func close(service: String, force: Bool) async throws {
        let ending = self.ending(of: service)
        try await self.tell(service, ending.close(reason: "\(Program.owner) closed the session", force: force))
    }

    /// Ends the user's own routes; those of others go on.
    func leave(service: String) async throws {
        let ending = self.ending(of: service)
        try await self.tell(
            service,
            ending.leave(owner: Program.owner, reason: "\(Program.owner) ended the intercept")
        )
    }

    private func ending(of service: String) -> SessionEnding {
        let names = InterceptNames(namespace: self.client.namespace, service: service)
        let renderer = EventRenderer(format: self.output, isQuiet: self.isQuiet)
        let isTold = Mutex(false)
        return SessionEnding(store: SessionStore(client: self.client, names: names)) {
            // Said at once: what is waited for afterwards is only the end of the interceptor's Pods.
            let isNew = isTold.withLock { isTold in
                defer { isTold = true }
                return !isTold
            }
            if isNew { renderer.render(.restored) }
        }
    }

    private func tell(_ service: String, _ outcome: SessionEnding.Outcome) async throws {
        let renderer = EventRenderer(format: self.output, isQuiet: self.isQuiet)
        switch outcome {
        case .nothingToDo:
            let place = "\(service) in namespace \(self.client.namespace)"
            let isThere = try await self.client.resources(.services).find(service) != nil
            Terminal.say(
                isThere
                    ? "nothing to do: service \(place) is not intercepted"
                    : "nothing to do: there is no service \(place)"
            )
        case .gone: renderer.render(.gone)
        case .ending: renderer.render(.ending)
        case .draining(let replicas): renderer.render(.draining(replicas: replicas))
        case .left(let others):
            Terminal.say("your intercept of \(service) has ended; \(others.joined(separator: ", ")) still intercept it")
        }
    }
}
