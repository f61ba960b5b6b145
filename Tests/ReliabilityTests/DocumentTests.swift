import ClusterTestSupport
import Foundation
import KubernetesModel
import TestSupport
import Testing

@testable import reliability

@Suite("The document of what was measured, and its table")
struct DocumentTests {
    private func batch(
        _ scenario: Settings.Scenario,
        _ runs: [JSONValue],
        commit: String = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff and changes",
        bystanders: [JSONValue] = []
    ) -> Document.Batch {
        let about: JSONValue = [
            "commit": .string(commit), "ttl_s": 6, "date": "2026-11-22T05:43:22Z", "rate": 1_000,
            "binary": "0123456789ab", "load_average_before": [.double(0.5), 1, 2], "load_average_after": [2, 1, 1],
        ]
        return Document.Batch(scenario: scenario, about: about, runs: runs, bystanders: bystanders)
    }

    private func whole() throws -> Document {
        var document = Document(nil)
        let load: JSONValue = ["requests": 300_000, "failed": 0, "altered": 0, "retried": 0]
        try document.take(
            self.batch(
                .cycles,
                [
                    ["start_s": .double(2.5), "stop_s": .double(0.25)],
                    ["start_s": .double(2), "stop_s": .double(0.5)],
                    ["start_s": .double(4), "stop_s": .double(0.75)],
                ],
                bystanders: [load, load]
            ),
            appends: false
        )
        try document.take(
            self.batch(.races, [["entrance": "joined"], ["entrance": "waited"], ["entrance": "joined"]]),
            appends: false
        )
        try document.take(
            self.batch(.failovers, [["failover_s": .double(0.02), "restore_s": .double(7.5)]]),
            appends: false
        )
        try document.take(
            self.batch(
                .kills,
                self.kills.map {
                    [
                        "context": "alone", "request": $0, "moment": "after", "struck": true,
                        "swapped": .bool($0 == self.kills[1]),
                    ]
                }
            ),
            appends: false
        )
        return document
    }

    private let kills: [JSONValue] = ["patch services #1", "get services #1"]

    @Test("Medians of starts and stops, the slowest failover, and the sums of all sections")
    func summary() throws {
        try expectGolden(try self.whole().json.pretty + "\n", "document.json")
        try expectGolden(Bars(try self.whole().json).markdown + "\n", "table.md")
    }

    @Test("What was not measured is not in the document, and has no line in the table")
    func leftOut() throws {
        var document = Document(nil)
        try document.take(self.batch(.races, [["entrance": "joined"]]), appends: false)
        for name in ["start_s", "stop_s", "failover_s", "restore_s", "cycles", "failovers", "kill_points"] {
            #expect(document.json[name] == nil, "\(name)")
        }
        #expect(document.json["races"] == 1)
        #expect(Bars(document.json).lines.count == 3)
    }

    @Test("Runs of the same commit are added to; those of another are refused, or replaced")
    func appending() throws {
        var document = Document(nil)
        try document.take(self.batch(.races, [["join_s": .double(1)]]), appends: true)
        try document.take(self.batch(.races, [["join_s": .double(2), "problems": ["a", "b"]]]), appends: true)
        #expect(document.json["races"] == 2)
        #expect(document.json["problems"] == 2)
        #expect(document.json[path: "scenarios", "races", "seconds", "join_s", "max"] == .double(2))
        #expect(document.json[path: "scenarios", "races", "batches"]?.array?.count == 2)
        let before = document.json
        #expect(throws: Trouble.self) {
            try document.take(self.batch(.races, [[:]], commit: "another"), appends: true)
        }
        #expect(document.json == before)
        try document.take(self.batch(.races, [[:]], commit: "another"), appends: false)
        #expect(document.json["races"] == 1 && document.json["problems"] == 0)
    }

    @Test("Two runs beside each other write to one file, and each leaves what the other has written")
    func shared() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "document-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let path = file.path()
        // Both have looked at the file before either has written.
        #expect(try Document(at: path).json == [:])
        try Document.renew(at: path, with: self.batch(.races, [["join_s": 1]]), appends: false, about: [:])
        let about: [String: JSONValue] = ["command": "x"]
        try Document.renew(at: path, with: self.batch(.cycles, [["start_s": 2]]), appends: false, about: about)
        let both = try Document(at: path).json
        #expect(both["races"] == 1 && both["cycles"] == 1 && both["command"] == "x")
        // What an earlier version wrote of all of it together.
        try Data("{\"commit\": \"c\"}".utf8).write(to: file)
        try Document.renew(at: path, with: self.batch(.races, [["join_s": 1]]), appends: false, about: [:])
        #expect(try Document(at: path).json["commit"] == nil)
    }

    @Test("A file that is no document is refused, and stays as it is")
    func foreign() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "document-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        for text in ["{\"races\":", "[1]"] {
            try Data(text.utf8).write(to: file)
            #expect(throws: Trouble.self) {
                try Document.renew(at: file.path(), with: self.batch(.races, [[:]]), appends: false, about: [:])
            }
            #expect(try String(contentsOf: file, encoding: .utf8) == text)
        }
    }

    @Test(
        "Every bar can be missed",
        arguments: [
            ("start_s", JSONValue.double(3.1), 0), ("stop_s", .double(2.1), 1), ("failover_s", .double(3.6), 2),
            ("restore_s", .double(21.1), 3), ("kill_points", 499, 4), ("kill_points_not_restored", 1, 4),
            ("failed", 1, 5), ("requests", 599_999, 5), ("residue", 1, 6),
            ("problems", 1, 7),
        ]
    )
    func missed(name: String, value: JSONValue, line: Int) throws {
        var json = try self.whole().json
        json["kill_points"] = 500
        #expect(Bars(json).lines.allSatisfy { $0.isMet })
        for scenario in Settings.Scenario.allCases where name.hasSuffix("_s") {
            guard json[path: "scenarios", scenario.rawValue, "seconds", name] != nil else { continue }
            json["scenarios"]?[scenario.rawValue]?["seconds"]?[name] = ["median": value, "p90": value, "max": value]
        }
        json[name] = value
        if line == 5 {
            var load: JSONValue = ["requests": 600_000, "failed": 0]
            load[name] = value
            json["scenarios"]?["cycles"]?["batches"] = [["rate": 1_000, "bystanders": [load]]]
        }
        #expect(Bars(json).lines.map(\.isMet) == (0..<8).map { $0 != line })
        #expect(Bars(json).markdown.contains("**missed**"))
    }

    @Test("A kill point counts once, and only where it struck; one whose life left or broke anything was not restored")
    func killed() throws {
        var document = Document(nil)
        let first: JSONValue = ["context": "alone", "request": "get a #1", "moment": "before", "struck": true]
        var (after, missed, broken) = (first, first, first)
        after["moment"] = "after"
        (missed["request"], missed["struck"]) = ("get a #2", false)
        (broken["context"], broken["residue"]) = ("leaving", ["Session/x"])
        try document.take(self.batch(.kills, [first, first, after, missed, broken]), appends: false)
        #expect(document.json["kill_points"] == 3 && document.json["kill_points_not_restored"] == 1)
        #expect(document.json["kills"] == 5)
    }

    @Test("Kill points are counted context by context; what is lost with a dead Pod is not among what bystanders lost")
    func contexts() throws {
        let pod: JSONValue = [
            "context": "pods", "request": "a #1", "moment": "after", "struck": true, "lost": 3, "asked_meanwhile": 40,
        ]
        let alone: JSONValue = [
            "context": "alone", "request": "patch a #1", "moment": "after", "struck": true, "residue": ["x"],
            "swapped": true,
        ]
        var document = Document(nil)
        let load: JSONValue = ["requests": 10, "failed": 0]
        let lane: JSONValue = ["lane": 1, "problems": ["away"]]
        try document.take(self.batch(.kills, [pod, pod, alone, lane], bystanders: [load]), appends: false)
        #expect(
            document.json[path: "scenarios", "kills", "contexts"] == [
                "pods": ["distinct": 1, "changing": 0, "not_restored": 0, "lost": 6, "asked_meanwhile": 80],
                "alone": ["distinct": 1, "changing": 1, "swapped": 1, "not_restored": 1],
            ]
        )
        #expect(document.json[path: "scenarios", "kills", "changing"] == 1)
        let lines = Bars(document.json).lines
        #expect(lines[0].measured == "2 / 2; 1 at requests that change something, 1 while the Service was swapped")
        #expect(lines.contains { $0.what.hasPrefix("… lost by SIGKILL") && $0.measured == "6 of 80" && $0.isMet })
        #expect(document.json["failed_requests"] == 0 && document.json["kill_points"] == 2)
    }

    @Test(
        "Only what was asked for at a high rate counts for the number to reach; the rest has a row, and may lose nothing either"
    )
    func rates() throws {
        func lines(_ failed: Int64, slow: JSONValue?) throws -> [Bars.Line] {
            var document = try self.whole()
            let load: JSONValue = ["requests": 5_000, "failed": .integer(failed)]
            var batch = self.batch(.races, [[:]], bystanders: [load])
            batch.about["rate"] = slow
            try document.take(batch, appends: false)
            return Bars(document.json).lines.filter { $0.measured.hasSuffix("000") }
        }
        #expect(try lines(0, slow: 1_000).map(\.measured) == ["0 of 605,000"])
        for slow in [999, nil] as [JSONValue?] {
            #expect(try lines(0, slow: slow).map(\.measured) == ["0 of 600,000", "0 of 5,000"])
            #expect(try lines(2, slow: slow).map(\.isMet) == [true, false])
        }
    }

    @Test("An answer of a laptop to a bystander is an altered one, as is a wrong one")
    func altered() {
        let report: JSONValue = [
            "ok": 10, "failed": 1, "wrong": 2, "retried": 3, "errors": ["x"], "slow": [],
            "answeredBy": ["leaf/leaf-abc": 6, "leaf/ada": 4], "seconds": .double(3.5),
            "requestsPerSecond": .double(3.7),
        ]
        let result = Bystanders.result("some", rate: 5, report)
        #expect(result["requests"] == 13 && result["failed"] == 1 && result["retried"] == 3)
        #expect(result["altered"] == 6)
        #expect(result["errors"] == ["x"] && result["slow"] == nil)
        #expect(result["seconds"] == .double(3.5) && result["achieved_rate"] == .double(3.7))
    }

    @Test("A page without a place for the table is refused, and the text around it stays")
    func page() throws {
        let bars = Bars(try self.whole().json)
        #expect(throws: Trouble.self) { try bars.renewed("nothing") }
        let marks = ("<!-- table of Benchmarks/reliability.json -->", "<!-- end of table -->")
        let page = "before\n\(marks.0)\nold\n\(marks.1)\nafter\n"
        let renewed = try bars.renewed(page)
        #expect(renewed == "before\n\(marks.0)\n\(bars.markdown)\n\(marks.1)\nafter\n")
        #expect(try bars.renewed(renewed) == renewed)
    }

    @Test("The page shows what the file says")
    func written() throws {
        let root = "/\(Shell.root)"
        let document = try JSONValue(
            parsing: String(contentsOfFile: "\(root)/Benchmarks/reliability.json", encoding: .utf8)
        )
        let page = try String(contentsOfFile: "\(root)/docs/reliability.md", encoding: .utf8)
        let renewed = try Bars(document).renewed(page)
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try Data(renewed.utf8).write(to: URL(filePath: "\(root)/docs/reliability.md"))
            return
        }
        #expect(renewed == page)
    }
}
