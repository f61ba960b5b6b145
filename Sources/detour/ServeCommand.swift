import ArgumentParser
import Foundation
import Interceptor
import Logging

/// `detour serve`: the long-running roles.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "Run one of the long-running roles; all but the gateway are for the cluster to start, not for people.",
        subcommands: [InterceptorRole.self, ProxyRole.self, GuardianRole.self]
    )

    struct InterceptorRole: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "interceptor",
            abstract: "Be a replica of the interceptor: what a hijacked Service's Pods run."
        )

        @Option(
            help: ArgumentHelp("The settings, as the ConfigMap holds them.", valueName: "FILE"),
            completion: .file()
        )
        var config: String

        @Option(help: ArgumentHelp("Where the Unix sockets of the tunnels go.", valueName: "FOLDER"))
        var runDirectory: String = "/run/detour"

        func run() async throws {
            try await Failure.reported {
                var logger = Logger(label: "detour.interceptor", factory: { StreamLogHandler.standardError(label: $0) })
                logger.logLevel = .info
                let environment = ProcessInfo.processInfo.environment
                try await InterceptorRun(
                    configurationFile: self.config,
                    runDirectory: self.runDirectory,
                    pod: try InterceptorRun.Identity(environment: environment),
                    version: Program.version,
                    logger: logger
                ).run(until: { await Signals.interruption() })
            }
        }
    }
}
