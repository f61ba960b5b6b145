import ArgumentParser
import Foundation
import Intercept
import KubernetesClient

/// Turns what a user names into a Service, and asks on a terminal where only the user knows which is meant.
struct TargetChoice {
    var client: KubernetesClient
    var isQuiet: Bool
    /// Asks a question; nil where nobody can be asked.
    var ask: (@Sendable (String) -> String?)? = Terminal.isInteractive ? Terminal.ask : nil

    /// The name of the Service that is meant.
    func service(of reference: TargetReference) async throws -> String {
        let resolver = TargetResolver(client: self.client)
        switch try await resolver.meaning(of: reference) {
        case .service(let name):
            if reference.kind != .service { self.say("\(reference.kind.rawValue) \(reference.name): service \(name)") }
            return name
        case .oneOf(let names):
            guard let ask, let answer = ask(Self.question(reference, names)), let name = Self.pick(answer, of: names)
            else { throw resolver.ambiguity(of: reference, among: names) }
            return name
        }
    }

    private func say(_ text: String) {
        if !self.isQuiet { Terminal.say(text) }
    }

    static func question(_ reference: TargetReference, _ names: [String]) -> String {
        let lines = names.enumerated().map { "  \($0.offset + 1)  \($0.element)" }.joined(separator: "\n")
        return "several Services lead to \(reference.kind.rawValue) \(reference.name):\n\(lines)\n"
            + "which one? [1-\(names.count), none] "
    }

    /// The Service that an answer names, by its number or name; nil for none of them.
    static func pick(_ answer: String, of names: [String]) -> String? {
        let answer = answer.trimmingCharacters(in: .whitespacesAndNewlines)
        if let number = Int(answer) { return names.indices.contains(number - 1) ? names[number - 1] : nil }
        return names.first { $0 == answer }
    }
}

extension TargetReference {
    /// What the words of a command line name; what they cannot mean is an error of usage.
    init(typed words: [String]) throws {
        do {
            try self.init(parsing: words)
        } catch let error as InterceptError {
            throw ValidationError(error.message)
        }
    }
}
