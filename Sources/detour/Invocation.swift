import ArgumentParser
import Foundation

/// One run of the program: the words of a command line in, an exit status out, and every error in the same form.
struct Invocation {
    /// What was typed after the program's name.
    var words: [String]

    /// Runs the command that the words name, and ends the process.
    func run() async -> Never {
        do {
            var command = try self.command()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Detour.exit()
        } catch  where Detour.exitCode(for: error).isSuccess {
            Detour.exit(withError: error)
        } catch {
            let text = self.text(of: error)
            if !text.isEmpty { Terminal.say(text, .error) }
            Foundation.exit(Detour.exitCode(for: error).rawValue)
        }
    }

    /// The command that the words name, with its options.
    func command() throws -> any ParsableCommand {
        if let unknown = self.unknownCommand { throw unknown }
        return try Detour.parseAsRoot(self.words)
    }

    /// What is said of an error: what is wrong, the option it is about, and where to read on; without the synopsis, which
    /// is longer than all that. Empty for what has been said already.
    func text(of error: any Error) -> String {
        let lines = Detour.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { !$0.hasPrefix("Usage: ") }
            .map { $0.hasPrefix("Error: ") ? String($0.dropFirst(7)) : String($0) }
            .map { $0.hasPrefix("Help:  ") ? "  " + $0.dropFirst(7) : $0 }
        var text = lines.joined(separator: "\n").trimmingCharacters(in: .newlines)
        // The library's own words; commands that take a command are where people forget what is before it.
        if text.lowercased().contains("unexpected argument"), !self.words.contains("--"),
            [InterceptCommand._commandName, ExplainCommand._commandName].contains(self.commands.last?._commandName)
        {
            text += "; a command goes behind '--'"
        }
        // Messages begin with a small letter here, unless it is a name.
        if text.dropFirst().first?.isLowercase == true { text = text.prefix(1).lowercased() + text.dropFirst() }
        guard !text.isEmpty, Detour.exitCode(for: error) == .validationFailure else { return text }
        return "\(text)\n  see \(self.path.joined(separator: " ")) --help"
    }

    // MARK: - Names of commands

    /// The command that the words name, as it is typed, as far as there is one.
    private var path: [String] { [ProgramName.typed] + self.commands.map { $0._commandName } }

    private var commands: [any ParsableCommand.Type] {
        var found: [any ParsableCommand.Type] = []
        for word in self.words {
            let there = (found.last ?? Detour.self).configuration.subcommands
            guard let next = there.first(where: { $0._commandName == word }) else { break }
            found.append(next)
        }
        return found
    }

    /// The error for a word where a command is to stand, and which names none.
    private var unknownCommand: ValidationError? {
        let commands = self.commands
        let parent = commands.last ?? Detour.self
        let names = parent.configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
        guard let word = self.words.dropFirst(commands.count).first, !names.isEmpty, !word.hasPrefix("-"),
            word != "help"
        else { return nil }
        let path = self.path.joined(separator: " ")
        // `detour list`: a command of a command.
        let below = parent.configuration.subcommands.flatMap { command in
            command.configuration.subcommands.filter { $0._commandName == word }
                .map { "\(command._commandName) \($0._commandName)" }
        }
        guard let meant = below.first ?? Spelling.nearest(to: word, in: names) else {
            return ValidationError("\(path) has no command '\(word)'; it has \(names.joined(separator: ", "))")
        }
        return ValidationError("\(path) has no command '\(word)'; is '\(path) \(meant)' meant?")
    }
}

/// What somebody may have meant to type.
enum Spelling {
    /// The one of some names that a word is most like, at two slips at most; nil when it is like none.
    static func nearest(to word: String, in names: [String]) -> String? {
        let all = names.map { (name: $0, slips: Self.slips(Array(word.lowercased()), Array($0))) }
        return all.min { $0.slips < $1.slips }.flatMap { $0.slips <= min(2, word.count / 2) ? $0.name : nil }
    }

    /// How many letters to add, to leave out, to replace or to swap with the next make one word of the other.
    private static func slips(_ left: [Character], _ right: [Character]) -> Int {
        var rows = [Array(0...right.count)]
        for (i, letter) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var least = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
                    least = min(least, rows[i - 1][j - 1] + 1)
                }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
