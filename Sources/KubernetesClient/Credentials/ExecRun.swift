import KubernetesModel
import Logging
import Subprocess
import SystemPackage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Runs a credential plugin, as the client-side of client.authentication.k8s.io.
///
/// With a terminal the plugin shares it: standard input to answer questions, standard error to ask them. Without one its
/// standard error is kept to be quoted, told at once where somebody waits for it or it names an address to go to, and it
/// runs in a process group of its own, which is ended with it.
struct ExecRun: Sendable {
    static let outputLimit = 1 << 20
    static let quoted = 1000

    var logger = Logger(label: "detour.kubernetes") { _ in SwiftLogNoOpLogHandler() }
    /// Told in a sentence that the plugin is waited for, and what it says meanwhile.
    var notice: @Sendable (String) -> Void = { _ in }
    /// After how long that is told.
    var patience = Duration.seconds(5)
    var hasTerminal: @Sendable () -> Bool = { isatty(STDIN_FILENO) == 1 }

    /// The plugin's answer.
    ///
    /// - Throws: ``KubernetesError`` of code `credentials`, or `configuration` when another run cannot end otherwise.
    func answer(_ plugin: ExecPlugin) async throws -> ExecAnswer {
        do {
            let hasTerminal = plugin.interaction != .never && self.hasTerminal()
            guard hasTerminal || plugin.interaction != .always else {
                throw ExecFault(
                    "needs a terminal to ask questions (interactiveMode: Always), and standard input is none;"
                        + " run this in a terminal, or use other credentials",
                    isLasting: true
                )
            }
            let limit = plugin.deadline ?? (hasTerminal ? .seconds(300) : .seconds(60))
            let late = ExecFault("did not end within \(limit) and was stopped; does it wait for an answer?")
            let words = PluginWords(plugin, self.notice)
            let outcome = try await Silence().noticed(after: self.patience, { words.begin() }) {
                try await withDeadline(limit, late: { late }) {
                    hasTerminal ? try await self.shared(plugin) : try await self.quiet(plugin, words)
                }
            }
            guard outcome.status.isSuccess else {
                let said = outcome.said.isEmpty ? "" : ": \(outcome.said)"
                throw ExecFault("ended with \(Self.describe(outcome.status))\(said)")
            }
            return try ExecAnswer(parsing: outcome.output, from: plugin)
        } catch let fault as ExecFault {
            throw KubernetesError(fault.isLasting ? .configuration : .credentials, "the \(plugin) \(fault.message)")
        } catch let error as SubprocessError {
            throw Self.error(error, plugin)
        }
    }

    private struct Outcome: Sendable {
        var status: TerminationStatus
        var output: [UInt8]
        /// The end of its standard error, in one line.
        var said = ""
    }

    /// Runs it with the terminal.
    private func shared(_ plugin: ExecPlugin) async throws -> Outcome {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(500))]
        let result = try await Subprocess.run(
            Self.executable(plugin),
            arguments: Arguments(plugin.arguments),
            environment: Self.environment(plugin, isInteractive: true),
            platformOptions: options,
            input: .currentStandardInput,
            output: .bytes(limit: Self.outputLimit),
            error: .currentStandardError
        )
        return Outcome(status: result.terminationStatus, output: result.standardOutput)
    }

    /// Runs it without one.
    private func quiet(_ plugin: ExecPlugin, _ words: PluginWords) async throws -> Outcome {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))
        ]
        let result = try await Subprocess.run(
            Self.executable(plugin),
            arguments: Arguments(plugin.arguments),
            environment: Self.environment(plugin, isInteractive: false),
            platformOptions: options,
            input: .none,
            output: .bytes(limit: Self.outputLimit),
            error: .sequence
        ) { execution in
            var tail: [UInt8] = []
            for try await buffer in execution.standardError {
                buffer.withUnsafeBytes {
                    tail.append(contentsOf: $0)
                    words.add($0)
                }
                tail.removeFirst(max(0, tail.count - Self.quoted))
            }
            return Self.line(tail)
        }
        let said = result.closureResult
        if !said.isEmpty { self.logger.notice("credential plugin", metadata: ["says": "\(said)"]) }
        return Outcome(status: result.terminationStatus, output: result.standardOutput, said: said)
    }

    private static func executable(_ plugin: ExecPlugin) -> Executable {
        plugin.command.contains("/") ? .path(FilePath(plugin.command)) : .name(plugin.command)
    }

    private static func environment(_ plugin: ExecPlugin, isInteractive: Bool) -> Environment {
        var added: [Environment.Key: String?] = [:]
        for (name, value) in plugin.environment { added[.init(stringLiteral: name)] = value }
        added["KUBERNETES_EXEC_INFO"] = plugin.information(isInteractive: isInteractive).compact
        return .inherit.updating(added)
    }

    /// Text as one line without control characters, since it is another program's.
    static func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
            .map { String($0.filter { !$0.unicodeScalars.contains { $0.properties.generalCategory == .control } }) }
            .joined(separator: " ")
    }

    private static func describe(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "exit status \(code)"
        case .signaled(let signal): "signal \(signal)"
        }
    }

    private static func error(_ error: SubprocessError, _ plugin: ExecPlugin) -> KubernetesError {
        switch error.code {
        case .outputLimitExceeded:
            return KubernetesError(
                .configuration,
                "the \(plugin) printed more than \(Self.outputLimit) bytes, which no credential is",
                cause: error
            )
        case .executableNotFound, .spawnFailed:
            let hint = plugin.installHint.map { ": \($0)" } ?? "; install it, or correct \"command\" in the kubeconfig"
            return KubernetesError(.configuration, "the \(plugin) cannot be started\(hint)", cause: error)
        default:
            return KubernetesError(.credentials, "the \(plugin) failed: \(error)", cause: error)
        }
    }
}
