import ArgumentParser
import InterceptPlanning
import KubernetesModel
import TestSupport
import Testing

@testable import detour

@Suite("The doctor's report")
struct DoctorReportTests {
    private static let names = InterceptNames(namespace: "shop", service: "leaf")

    /// A Service that is headless, has a port by a guess, and whose user lacks two verbs.
    private var ill: DoctorReport {
        var seen = Surroundings(names: Self.names, image: "detour:test", programVersion: "0.1.0")
        seen.service = DynamicObject(
            .services,
            name: "leaf",
            namespace: "shop",
            [
                "spec": [
                    "clusterIP": "None", "selector": ["app": "leaf"], "sessionAffinity": "ClientIP",
                    "ports": [["name": "grpc", "port": 80]],
                ]
            ]
        )
        seen.denied = ["create pods/portforward", "get pods/portforward"]
        return DoctorReport(names: Self.names, findings: Diagnosis.findings(in: seen))
    }

    @Test("As a table, each finding with its mend below")
    func table() throws {
        try expectGolden(self.ill.output.text(.table) + "\n", "doctor.txt")
    }

    @Test("As JSON")
    func json() throws {
        try expectGolden(self.ill.output.text(.json) + "\n", "doctor.json")
    }

    @Test(
        "The verdict counts what stops and what hurts, and only the first fails the command",
        arguments: [
            ([], "nothing stops an intercept of service leaf in namespace shop", false),
            ([.note, .note], "nothing stops an intercept of service leaf in namespace shop", false),
            ([.hurts], "nothing stops an intercept of service leaf in namespace shop; 1 thing hurts", false),
            (
                [.stops, .hurts, .hurts], "1 thing stops an intercept of service leaf in namespace shop; 2 things hurt",
                true
            ),
            ([.stops, .stops], "2 things stop an intercept of service leaf in namespace shop", true),
        ] as [([Finding.Severity], String, Bool)]
    )
    func verdict(severities: [Finding.Severity], verdict: String, stops: Bool) {
        let report = DoctorReport(
            names: Self.names,
            findings: severities.map { Finding($0, .headless, "what", mend: "mend") }
        )
        #expect(report.verdict == verdict)
        #expect(report.stops == stops)
        #expect(report.output.json["stops"] == .bool(stops))
    }

    @Test("A target that is no Service is refused before anything is asked", arguments: ["port/80", "a/b/c"])
    func target(word: String) async throws {
        let command = try DoctorCommand.parse([word])
        await #expect(throws: ValidationError.self) { try await command.run() }
    }
}
