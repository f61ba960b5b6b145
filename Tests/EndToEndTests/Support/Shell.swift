import Foundation

/// What a command printed, and how it ended.
struct ShellResult: Sendable, CustomStringConvertible {
    var status: Int32
    var output: String
    var errors: String

    var description: String { "exit \(self.status)\n--- stdout\n\(self.output)\n--- stderr\n\(self.errors)" }
    /// stdout without surrounding white space.
    var text: String { self.output.trimmingCharacters(in: .whitespacesAndNewlines) }
}

/// A command that did not do what a test needs.
struct ShellFailure: Error, CustomStringConvertible {
    var description: String
}

/// Runs programs as a user would type them.
enum Shell {
    /// The repository's root.
    static let root = URL(filePath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()

    /// Runs a program of PATH to its end.
    static func run(
        _ words: String...,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws
        -> ShellResult
    {
        try await self.run(words, environment: environment, within: limit)
    }

    /// Runs a program of PATH to its end; SIGKILL when the limit has passed.
    static func run(
        _ words: [String],
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws
        -> ShellResult
    {
        let running = try RunningProcess(words, environment: environment)
        let watchdog = Task {
            try await Task.sleep(for: limit)
            running.signal(SIGKILL)
        }
        let status = await running.ended()
        watchdog.cancel()
        return ShellResult(status: status, output: running.output, errors: running.errors)
    }

    /// Runs a program that has to succeed.
    @discardableResult
    static func must(
        _ words: String...,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws
        -> String
    {
        let result = try await self.run(words, environment: environment, within: limit)
        guard result.status == 0 else {
            throw ShellFailure(description: "\(words.joined(separator: " ")): \(result)")
        }
        return result.text
    }
}
