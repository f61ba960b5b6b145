import ArgumentParser
import Foundation
import KubernetesModel
import TestSupport
import Testing
import Yams

@testable import detour

@Suite("Data on stdout")
struct OutputTests {
    private let output = Output(
        columns: ["NAME", "OWNER", "N"],
        rows: [["leaf", "ada@laptop", "1"], ["a-longer-name", "-", "22"]],
        json: ["b": [1, true, .null], "a": ["x": "yes", "y": "1"], "c": .object([:])]
    )

    @Test("A table's columns are as wide as their widest cell, without blanks at the end")
    func table() throws {
        let expected = """
            NAME            OWNER        N
            leaf            ada@laptop   1
            a-longer-name   -            22
            """
        #expect(try self.output.text(.table) == expected)
    }

    @Test("A table without rows is its heading")
    func empty() throws {
        #expect(try Output(columns: ["A", "B"], rows: [], json: .null).text(.table) == "A   B")
    }

    @Test("JSON is read back as the same value")
    func json() throws {
        #expect(try JSONValue(parsing: self.output.text(.json)) == self.output.json)
    }

    @Test("YAML has its keys sorted and quotes what would be misread")
    func yaml() throws {
        let expected = """
            a:
              x: "yes"
              y: "1"
            b:
            - 1
            - true
            - null
            c: {}
            """
        #expect(try self.output.text(.yaml) == expected)
    }

    @Test(
        "A string stays a string in YAML, whatever it looks like",
        arguments: [
            "", " ", "~", "null", "Null", "NULL", "true", "True", "no", "NO", "On", "off", "y", "n", "1", "-1", "+1",
            "0x1f", "1e3", "1.", ".5", "NaN", "a: b", "# no comment", "- item", "[x]", "{x}", "&a", "*a", "!tag", "%d",
            "@at", "`tick", "|", ">", "'", "\"", "a\nb", "trailing ", " leading", "tab\there", "ünï ☃", "\u{1F600}",
            "=",
            "<<", "---", "...", "a #b", "back\\slash", "\u{7}", "\r\n", "01", "0777",
        ]
    )
    func yamlStrings(text: String) throws {
        let yaml = try Output.yaml(["value": .string(text), text.isEmpty ? "k" : text: 1])
        let read = try #require(try Yams.load(yaml: yaml) as? [String: Any], "\(yaml)")
        #expect(read["value"] as? String == text, "\(yaml)")
    }

    @Test(
        "So do the numbers and dates of YAML 1.1",
        arguments: [
            "0o17", "0b1", "1_000", ".inf", "-.inf", ".nan", "12:30:45", "190:20:30", "2026-01-01",
            "2026-01-01T00:00:00Z",
        ]
    )
    func yaml11(text: String) throws {
        let yaml = try Output.yaml(["value": .string(text)])
        let read = try #require(try Yams.load(yaml: yaml) as? [String: Any])
        #expect(read["value"] as? String == text, "\(yaml)")
    }

    @Test("Numbers, truth and nothing stay what they are in YAML")
    func yamlScalars() throws {
        let yaml = try Output.yaml(["i": 5, "d": .double(1.5), "t": true, "n": .null])
        let read = try #require(try Yams.load(yaml: yaml) as? [String: Any])
        #expect(read["i"] as? Int == 5)
        #expect(read["d"] as? Double == 1.5)
        #expect(read["t"] as? Bool == true)
        #expect(read["n"] is NSNull)
    }

    @Test("A cell cannot steer the terminal or break its row")
    func inertCells() throws {
        let text = try Output(columns: ["A", "B"], rows: [["\u{1b}[2Jx", "y\nz"]], json: .null).text(.table)
        #expect(!text.unicodeScalars.contains("\u{1b}"))
        #expect(text.split(separator: "\n").count == 2, "\(text)")
    }
}

@Suite("Text from elsewhere on a terminal")
struct TerminalTests {
    @Test("Control characters become a replacement character; line feeds and letters stay")
    func inert() {
        #expect(
            Terminal.inert("a\u{1b}[31mb\u{7}\u{9b}c\r\td\ne") == "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}\u{fffd}d\ne"
        )
        #expect(Terminal.inert("grüße ☃ \u{1F600}") == "grüße ☃ \u{1F600}")
    }

    @Test("Every control character is inert", arguments: Array(0...0x1f) + Array(0x7f...0x9f))
    func each(code: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(code))
        let text = Terminal.inert(String(Character(scalar)))
        #expect(text == (scalar == "\n" ? "\n" : "\u{fffd}"))
    }

    @Test("A carriage return before a line feed does not survive either")
    func lineEnd() {
        #expect(Terminal.inert("a\r\nb") == "a\u{fffd}\nb")
    }
}

@Suite("Help")
struct HelpTests {
    @Test("The first screen")
    func root() throws {
        try expectGolden(Detour.helpMessage(columns: 100) + "\n", "help.txt")
    }

    @Test("Help of the main job")
    func intercept() throws {
        try expectGolden(Detour.helpMessage(for: InterceptCommand.self, columns: 100) + "\n", "help-intercept.txt")
    }

    @Test("Help of doctor")
    func doctor() throws {
        try expectGolden(Detour.helpMessage(for: DoctorCommand.self, columns: 100) + "\n", "help-doctor.txt")
    }

    @Test(
        "Help of the others",
        arguments: [
            ("session", SessionCommand.self), ("session-list", SessionCommand.List.self),
            ("session-show", SessionCommand.Show.self), ("session-close", SessionCommand.Close.self),
            ("explain", ExplainCommand.self), ("install", InstallCommand.self), ("image", ImageCommand.self),
            ("image-save", ImageCommand.Save.self), ("image-push", ImageCommand.Push.self),
            ("serve", ServeCommand.self),
        ] as [(String, any ParsableCommand.Type)]
    )
    func others(name: String, command: any ParsableCommand.Type) throws {
        try expectGolden(Detour.helpMessage(for: command, columns: 100) + "\n", "help-\(name).txt")
    }
}
