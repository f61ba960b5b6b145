import ArgumentParser
import Foundation
import Intercept
import KubernetesModel
import TestSupport
import Testing

@testable import detour

@Suite("A command line that cannot be meant")
struct InvocationTests {
    /// What somebody may type, wrong in one place.
    private static let lines = [
        "interceptt leaf", "intercpt", "list", "close leaf", "frobnicate leaf", "session lst", "session leaf",
        "image sav x",
        "intercept", "intercept leaf --hedaer a:b", "intercept leaf --port", "intercept leaf --ttl 5x",
        "intercept leaf --until 25:00", "intercept leaf --sample 200%", "intercept leaf --on-unreachable 404",
        "intercept leaf -o xml", "intercept leaf --once --max-requests 2", "intercept leaf -r 80",
        "intercept leaf npm start", "intercept leaf npm", "intercept pod/leaf", "intercept leaf -p 99999:1",
        "intercept leaf -p 80:99999", "intercept leaf -x nocolon", "intercept leaf --path api",
        "intercept leaf --path-regex (a", "intercept leaf --mirror --take-over", "intercept leaf --tls-secret a=b=c",
        "explain leaf -H nocolon", "explain leaf npm start", "doctor", "install", "install -n shop --interceptors",
        "session close a --all",
    ]

    /// What the program would say, and the status it would end with; nothing is run but what reads the command line.
    private func outcome(_ words: [String]) async throws -> (text: String, status: Int32) {
        let invocation = Invocation(words: words)
        do {
            let command = try invocation.command()
            try await Failure.reported {
                if let intercept = command as? InterceptCommand {
                    _ = try intercept.reference()
                    _ = try intercept.options(service: "leaf")
                }
                if let explain = command as? ExplainCommand { _ = try explain.request() }
            }
            return ("", 0)
        } catch {
            return (invocation.text(of: error), Detour.exitCode(for: error).rawValue)
        }
    }

    @Test("is answered with what is wrong, the mend, and where to read on, and with status 64")
    func words() async throws {
        var all: [String] = []
        for line in Self.lines {
            let words = line.split(separator: " ").map(String.init)
            let (text, status) = try await self.outcome(words)
            #expect(status == 64, "\(line)")
            #expect(!text.contains("Usage:") && !text.contains("Error:"))
            all.append("$ detour \(line)\n\(text)\n")
        }
        try expectGolden(all.joined(separator: "\n"), "usage-errors.txt")
    }

    @Test(
        "Help and version are no errors",
        arguments: ["--help", "help", "help intercept", "session --help", "--version"]
    )
    func help(line: String) {
        let invocation = Invocation(words: line.split(separator: " ").map(String.init))
        let error = #expect(throws: (any Error).self) {
            var command = try invocation.command()
            try command.run()
        }
        if let error { #expect(Detour.exitCode(for: error).isSuccess) }
    }

    @Test("What failed is not taken for a command line that cannot be meant")
    func failure() async {
        await #expect(throws: ExitCode.failure) {
            try await Failure.reported { throw InterceptError(.forbidden, "no") }
        }
        #expect(Invocation(words: ["intercept"]).text(of: ExitCode(3)).isEmpty)
    }

    @Test(
        "The nearest name is found at two slips, and not at more",
        arguments: [
            ("intercpt", "intercept"), ("itnercept", "intercept"), ("Doctor", "doctor"), ("sesion", "session"),
            ("dcotr", "doctor"), ("dctr", "doctor"), ("x", nil), ("run", nil), ("frobnicate", nil), ("", nil),
        ] as [(String, String?)]
    )
    func spelling(word: String, name: String?) {
        #expect(Spelling.nearest(to: word, in: ["intercept", "session", "doctor", "explain"]) == name)
    }

    @Test("Help of every command shows an example that can be read as it is typed")
    func examples() throws {
        let commands: [any ParsableCommand.Type] = [
            Detour.self, InterceptCommand.self, SessionCommand.self, SessionCommand.Close.self, DoctorCommand.self,
            ExplainCommand.self, InstallCommand.self, ImageCommand.self, ImageCommand.Save.self, ImageCommand.Push.self,
        ]
        for command in commands {
            let lines = command.configuration.discussion.split(separator: "\n").filter { $0.hasPrefix("detour ") }
            #expect(!lines.isEmpty, "\(command)")
            for line in lines {
                // Up to what another program does, or what the sentence goes on with.
                let text = String(line).prefix { !"|&".contains($0) }
                    .replacing(" says beforehand what would be in the way, and how to mend it.", with: "")
                let words = try ShellWords.split(String(text))
                #expect(throws: Never.self, "\(line)") { try Detour.parseAsRoot(Array(words.dropFirst())) }
            }
        }
    }

    @Test("Ctrl-C ends it, is answered, and only then leaves it to the cluster")
    func interruptions() throws {
        let options = try InterceptCommand.parse(["leaf", "--ttl", "2m"]).options(service: "leaf")
        let interruptions = Interruptions(options, namespace: "shop")
        interruptions.ready()
        #expect(interruptions.status == nil)
        #expect(interruptions.next(15) == .leave)
        guard case .say(let text) = interruptions.next(2) else { return #expect(Bool(false), "not said") }
        #expect(text.hasSuffix("within \(Seconds(135))"))
        guard case .abandon(let last) = interruptions.next(2) else { return #expect(Bool(false), "not abandoned") }
        #expect(last.contains("`detour session close leaf -n shop` does it at once"))
        #expect(interruptions.status == 143)
    }

    @Test("With a guardian, the third leaves the rest to that one", arguments: [false, true])
    func interruptionsGuarded(isReady: Bool) throws {
        let options = try InterceptCommand.parse(["leaf"]).options(service: "leaf")
        let interruptions = Interruptions(options, namespace: "shop") { true }
        if isReady { interruptions.ready() }
        #expect(interruptions.next(2) == .leave)
        guard case .say(let text) = interruptions.next(2) else { return #expect(Bool(false), "not said") }
        #expect(text.hasSuffix("once more leaves that to a process in the background"))
        guard case .abandon(let last) = interruptions.next(2) else { return #expect(Bool(false), "not abandoned") }
        #expect(last.contains("a process in the background, which goes on putting things back"))
    }

    @Test("Before there is an interceptor, nobody is promised to clean up")
    func interruptionsEarly() throws {
        let options = try InterceptCommand.parse(["leaf"]).options(service: "leaf")
        let interruptions = Interruptions(options, namespace: "shop")
        #expect(interruptions.next(2) == .leave)
        #expect(interruptions.next(2) == .say("still removing what was made; once more leaves it there"))
        #expect(
            interruptions.next(2)
                == .abandon("left as it is: `detour session close leaf -n shop` removes what was made")
        )
    }
}
