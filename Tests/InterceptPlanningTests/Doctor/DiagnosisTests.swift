import Foundation
import KubernetesModel
import TestSupport
import Testing

@testable import InterceptPlanning

@Suite("What a doctor finds")
struct DiagnosisTests {
    @Test("In a healthy namespace nothing, but that open connections stay where they are")
    func healthy() {
        #expect(Diagnosis.findings(in: Patient.healthy).map(\.code) == [.openConnections])
    }

    @Test("Each illness gives its findings and no others", arguments: Illness.all)
    func each(illness: Illness) throws {
        let found = try self.findings(illness)
        #expect(found.map { "\($0.severity) \($0.code.rawValue)" } == illness.expected, "\(illness.name)")
    }

    @Test("Each is told in words that name what, where and the mend")
    func words() throws {
        let text = try Illness.all.map { illness in
            let lines = try self.findings(illness).map {
                "\($0.severity.rawValue) \($0.code.rawValue): \($0.message)\n    -> \($0.mend)\n"
            }
            return "# \(illness.name)\n" + lines.joined()
        }
        try expectGolden(text.joined(separator: "\n"), "findings.txt")
    }

    @Test("No message or mend is empty, ends like a sentence that others follow, or spans lines")
    func form() throws {
        for finding in try Illness.all.flatMap(self.findings) {
            for text in [finding.message, finding.mend] {
                #expect(!text.isEmpty && !text.hasSuffix(".") && !text.contains("\n"), "\(finding)")
            }
        }
    }

    @Test("Every code has an illness that shows it, and its place in the document", arguments: Finding.Code.allCases)
    func complete(code: Finding.Code) throws {
        let isShown = Illness.all.contains { $0.expected.contains { $0.hasSuffix(" \(code.rawValue)") } }
        #expect(isShown || code == .openConnections)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let document = try String(contentsOf: root.appending(path: "docs/doctor.md"), encoding: .utf8)
        #expect(document.contains("\n| `\(code.rawValue)` |"), "docs/doctor.md does not explain \(code.rawValue)")
    }

    @Test("The worst comes first")
    func order() {
        var seen = Patient.healthy
        seen.service?["spec"]?["sessionAffinity"] = "ClientIP"
        seen.denied = ["get pods"]
        #expect(Diagnosis.findings(in: seen).map(\.severity) == [.stops, .hurts, .note])
    }

    /// All that an illness gives beyond what health does.
    private func findings(_ illness: Illness) throws -> [Finding] {
        var seen = Patient.healthy
        try illness.change(&seen)
        return Diagnosis.findings(in: seen).filter { $0.code != .openConnections }
    }
}

/// One change of a healthy namespace, and the findings it must give.
struct Illness: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: [String]
    var change: @Sendable (inout Surroundings) throws -> Void

    init(_ name: String, _ expected: [String], _ change: @escaping @Sendable (inout Surroundings) throws -> Void) {
        self.name = name
        self.expected = expected
        self.change = change
    }

    var testDescription: String { self.name }

    static let all = access + services + workloads + policies + admissions + images + meshes + sessions
}
