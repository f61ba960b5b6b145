import ArgumentParser
import Intercept
import KubernetesModel
import ResponseDiff
import TestSupport
import Testing
import TrafficMatch

@testable import detour

@Suite("Mirroring on the command line")
struct MirrorTests {
    private func options(_ words: String...) throws -> InterceptOptions {
        try InterceptCommand.parse(["leaf"] + words).options(service: "leaf")
    }

    @Test("The flags become rules; without --mirror there are none")
    func rules() throws {
        #expect(try self.options().mirror == nil)
        #expect(try self.options("--mirror").mirror == IgnoreRules())
        let rules = try self.options(
            "--mirror",
            "--ignore-header",
            "ETag",
            "--ignore-json",
            "/a~1b/*",
            "--ignore-json",
            "",
            "--ignore-body"
        ).mirror
        #expect(
            rules
                == IgnoreRules(headers: ["etag"], pointers: [JSONPointer(["a/b", "*"]), JSONPointer([])], body: true)
        )
        #expect(try self.options("--mirror", "--all").match.takesEverything)
    }

    @Test(
        "What does not go together is refused, with the mend",
        arguments: [
            (["--ignore-header", "a"], "go with --mirror"), (["--ignore-body"], "go with --mirror"),
            (["--mirror", "--ignore-json", "items"], "begins with a slash"),
            (["--mirror", "--take-over"], "takes nothing"), (["--mirror", "--on-unreachable", "503"], "takes nothing"),
        ]
    )
    func refused(words: [String], message: String) throws {
        let error = #expect(throws: (any Error).self) { try InterceptCommand.parse(["leaf"] + words) }
        #expect(InterceptCommand.fullMessage(for: try #require(error)).contains(message))
    }

    @Test("Differences and the summary, as text and as JSON")
    func output() throws {
        var summary = MirrorSummary()
        summary.compared = 3
        summary.different = 1
        summary.missed = [
            "too-long": 1, "busy": 2, "unreachable": 3, "cut-short": 4, "upgrade": 5, "local-refused": 7,
        ]
        let few = MirroredAnswer(
            method: "GET",
            target: "/n/7?x=1",
            status: 200,
            differences: [.status(original: 200, local: 404)]
        )
        let many = MirroredAnswer(
            method: "PUT",
            target: "/",
            status: 200,
            differences: (0..<22).map { .json(JSONDifference(path: "/\($0)", before: 1, after: 2)) }
        )
        var text = [MirrorOutput.text(few), MirrorOutput.text(many), MirrorOutput.text(summary)].joined(separator: "\n")
        text += "\n\(MirrorOutput.text(MirrorSummary()))\n\(MirrorOutput.json(few).compact)\n"
        text += "\(MirrorOutput.json(summary).compact)\n"
        try expectGolden(text, "mirror.txt")
    }
}
