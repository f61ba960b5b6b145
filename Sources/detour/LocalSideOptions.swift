import ArgumentParser
import Foundation
import Intercept
import KubernetesClient

/// What runs on this machine, and with what.
struct LocalSideOptions: ParsableArguments {
    @Argument(
        parsing: .postTerminator,
        help: """
            After '--': the local service as a command. It is started first, the intercept ends with it, and its exit \
            status is this command's.
            """
    )
    var command: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Write the environment of the container that answers the first port to this file, mode 0600, and give it to \
            the command after '--'. Secrets only where you may read them.
            """,
            valueName: "FILE"
        ),
        completion: .file()
    )
    var envFile: String?

    @Option(
        help: ArgumentHelp(
            """
            How the local service is spoken to: http (requests as they come), https (inside TLS) or h2c (HTTP/2 without \
            TLS, and nothing else).
            """,
            valueName: "SCHEME"
        )
    )
    var localScheme: Scheme = .http

    @Option(
        help: ArgumentHelp(
            """
            Certificates in PEM, of which one must have signed the local service's; goes with --local-scheme https. \
            Without it any certificate is taken: only this machine answers on its loopback.
            """,
            valueName: "FILE"
        ),
        completion: .file()
    )
    var localCa: String?

    /// The words for ``LocalSchemeChoice``.
    enum Scheme: String, ExpressibleByArgument, CaseIterable {
        case http, https, h2c
    }

    func validate() throws {
        if self.localCa != nil, self.localScheme != .https {
            throw ValidationError("--local-ca verifies TLS; it goes with --local-scheme https")
        }
    }

    /// How the local service is spoken to.
    func schemeChoice() throws -> LocalSchemeChoice {
        switch self.localScheme {
        case .http: return .http
        case .h2c: return .h2c
        case .https:
            return .https(
                authority: try self.localCa.map { path in
                    guard let data = FileManager.default.contents(atPath: path) else {
                        throw ValidationError("--local-ca \(path): there is no such file, or you may not read it")
                    }
                    return Array(data)
                }
            )
        }
    }

    /// Names that stay this machine's own for a command.
    private static let own: Set = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "PWD", "OLDPWD", "TMPDIR", "LANG", "DISPLAY",
        "SSH_AUTH_SOCK",
    ]

    /// Makes the local side ready: the environment, then the command.
    ///
    /// - Returns: whether there was anything to make ready.
    func prepare(
        _ side: InterceptRun.LocalSide,
        _ command: LocalCommand?,
        _ client: KubernetesClient,
        _ events: @Sendable (InterceptEvent) -> Void
    ) async throws {
        if let envFile {
            let environment = try await WorkloadEnvironment(side, client: client)
            for warning in environment.warnings { events(.warning(warning)) }
            let file = EnvironmentFile(environment.variables)
            if !file.unfit.isEmpty {
                events(
                    .warning(
                        "not in \(envFile), because no shell takes the names: \(file.unfit.joined(separator: ", "))"
                    )
                )
            }
            try file.write(to: envFile)
            events(.step("wrote the environment of \(environment.source) to \(envFile)"))
            command?.add(environment.variables.filter { !Self.own.contains($0.key) })
        }
        if let command {
            try await command.listen(on: side.ports.map(\.local))
        } else {
            await side.warnOfClosedPorts(events)
        }
    }

    /// The command, ready to be started; nil when none was given.
    func localCommand(_ events: @escaping @Sendable (InterceptEvent) -> Void) -> LocalCommand? {
        guard !self.command.isEmpty else { return nil }
        return LocalCommand(
            words: self.command,
            environment: ProcessInfo.processInfo.environment,
            sharesTerminal: Terminal.isForeground,
            events: events
        )
    }
}
