import Foundation

/// What a command printed, and how it ended.
public struct ShellResult: Sendable, CustomStringConvertible {
    /// The exit code; 128 and the number where a signal ended it.
    public var status: Int32
    /// Its standard output.
    public var output: String
    /// Its standard error.
    public var errors: String

    /// All of it, for a message.
    public var description: String { "exit \(self.status)\n--- stdout\n\(self.output)\n--- stderr\n\(self.errors)" }
    /// stdout without surrounding white space.
    public var text: String { self.output.trimmingCharacters(in: .whitespacesAndNewlines) }
}

/// A command that did not do what a test needs.
public struct ShellFailure: Error, CustomStringConvertible {
    /// What failed, and what was seen of it.
    public var description: String

    /// A failure with what there is to say of it.
    public init(description: String) {
        self.description = description
    }
}

/// Runs programs as a user would type them.
public enum Shell {
    /// The repository's root.
    public static let root = URL(filePath: #filePath).pathComponents.dropLast(3).joined(separator: "/").dropFirst()

    /// Runs a program of PATH to its end.
    public static func run(
        _ words: String...,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws
        -> ShellResult
    {
        try await self.run(words, environment: environment, within: limit)
    }

    /// Runs a program of PATH to its end; SIGKILL when the limit has passed.
    public static func run(
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
    public static func must(
        _ words: String...,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws
        -> String
    {
        try await self.must(words, environment: environment, within: limit)
    }

    /// Runs a program to its end, which has to be a success; its output.
    @discardableResult
    public static func must(
        _ words: [String],
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
