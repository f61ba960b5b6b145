import ArgumentParser
import Gateway
import Logging

extension ServeCommand {
    struct ProxyRole: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "proxy",
            abstract: "Be a gateway: listen, and relay HTTP/1.1 by routes to clusters of servers.",
            discussion: """
                The file is YAML; docs/proxy.md describes it. What is wrong in it is said with line and key, and nothing \
                is listened at then. When it changes, or on SIGHUP, the new settings are put into force, and no connection is \
                dropped for it. SIGTERM and Ctrl-C let requests that are under way end; SIGUSR1 opens the access log anew.
                """
        )

        @Option(help: ArgumentHelp("The settings.", valueName: "FILE"), completion: .file())
        var config: String

        @Option(help: ArgumentHelp("How long requests that are under way may take at the end.", valueName: "SECONDS"))
        var drain: Seconds = Seconds(30)

        func run() async throws {
            try await Failure.reported {
                #if os(Linux)
                    let logger = Logger(label: "detour.proxy", factory: { StreamLogHandler.standardError(label: $0) })
                    try await GatewayRun(file: self.config, drain: .seconds(self.drain.value), logger: logger)
                        .run(
                            until: { await Signals.termination() },
                            reopenings: { await Signals.reopenings($0) },
                            reloads: { await Signals.reloads($0) }
                        )
                #else
                    throw ValidationError("this role needs Linux")
                #endif
            }
        }
    }
}
