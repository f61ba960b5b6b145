import ClusterTestSupport
import Foundation
import KubernetesModel

/// What one call of the doctor found.
struct Found: CustomStringConvertible {
    private let findings: [JSONValue]

    /// Reads what the doctor printed, and checks its exit code against it.
    ///
    /// - Parameter health: what is not counted.
    init(_ result: ShellResult, but health: [String] = []) throws {
        guard let json = try? JSONValue(parsing: result.output), let all = json["findings"]?.array,
            (result.status == 0) == (json["stops"] == false)
        else { throw ShellFailure(description: "the doctor: \(result)") }
        self.findings = all.filter { !health.contains(Self.name($0)) }
    }

    private static func name(_ finding: JSONValue) -> String {
        "\(finding["severity"]?.string ?? "") \(finding["code"]?.string ?? "")"
    }

    /// Severity and code of each, sorted.
    var names: [String] { self.findings.map(Self.name).sorted() }
    /// All messages, for what they have to contain.
    var messages: String { self.findings.compactMap { $0["message"]?.string }.joined(separator: "\n") }
    var description: String { self.findings.map(\.pretty).joined(separator: "\n") }

    /// The commands in all mends, as a person would copy them: up to the end of the clause or of the backticks.
    var commands: [String] {
        let command = #/(?:echo '[^']*' \| )?\b(?:kubectl|detour) (?:'[^']*'|,(?! )|[^;,`)'])+/#
        return self.findings.compactMap { $0["mend"]?.string }.flatMap { mend in
            mend.matches(of: command).map { $0.output.trimmingCharacters(in: .whitespaces) }
        }
    }
}

/// A folder in PATH in which the program has a name, and an editor that changes nothing.
struct CommandBench: Sendable {
    private let environment: [String: String]
    private let name: String
    private let program: String

    /// A bench of one user.
    ///
    /// - Parameters:
    ///   - name: the program's name.
    ///   - kubeconfig: the user; the administrator when left out.
    init(name: String, kubeconfig: String? = nil) async throws {
        let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "detour-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: name),
            withDestinationURL: URL(filePath: Cluster.detour)
        )
        self.name = name
        self.program = folder.appending(path: name).path()
        var environment = try await Cluster.environment()
        if let kubeconfig { environment["KUBECONFIG"] = kubeconfig }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        environment["PATH"] = "\(folder.path()):\(path)"
        environment["KUBE_EDITOR"] = "true"
        self.environment = environment
    }

    /// Runs words as they are.
    func run(_ words: [String]) async throws -> ShellResult {
        try await Shell.run(self.found(words), environment: self.environment)
    }

    /// Runs a command as a shell reads it. One that would intercept or install only says what it would do.
    func run(_ command: String) async throws -> ShellResult {
        let isMild = ["detour intercept", "detour install"].allSatisfy { !command.hasPrefix($0) }
        return try await self.run(["sh", "-c", isMild ? command : "\(command) --dry-run"])
    }

    /// Starts words that go on.
    func start(_ words: [String]) throws -> RunningProcess {
        try RunningProcess(self.found(words), environment: self.environment)
    }

    /// Words whose first one this process would look for in a PATH of its own.
    private func found(_ words: [String]) -> [String] {
        words.first == self.name ? [self.program] + words.dropFirst() : words
    }
}
