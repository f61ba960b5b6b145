import ArgumentParser
import Foundation
import Intercept
import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// `detour doctor`: everything that would stop or hurt an intercept, each with its mend.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what would stop or hurt an intercept, and how to mend it.",
        usage: "\(ProgramName.typed) doctor TARGET [-n NAMESPACE] [OPTION ...]",
        discussion: """
            Looks at the Service, its Pods, your permissions and whatever else in the namespace has a say, and changes \
            nothing. Each finding stops an intercept, hurts somebody while it lasts, or is a note that explains what \
            would otherwise surprise; the line below it says what to do. What you may not look at is a note too.

            The exit code is 0 when nothing stops an intercept, and 1 when something does. docs/doctor.md explains each \
            finding by its code.

            \(ProgramName.typed) doctor leaf -n shop
            \(ProgramName.typed) doctor leaf -n shop -o json | jq '.findings[] | select(.severity == "stops")'
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The target, as intercept takes it: NAME, service/NAME, deployment/NAME or statefulset/NAME.",
            valueName: "TARGET"
        )
    )
    var target: [String]

    @OptionGroup var connection: ConnectionOptions

    @Option(help: ArgumentHelp("The image an interceptor would run (also DETOUR_IMAGE).", valueName: "IMAGE"))
    var image: String?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("How data is printed: table, json or yaml.", valueName: "FORMAT")
    )
    var output: OutputFormat = .table

    func run() async throws {
        try await Failure.reported {
            let reference = try TargetReference(typed: self.target)
            try await self.connection.withClient { client in
                let service = try await TargetChoice(client: client, isQuiet: false).service(of: reference)
                let report = DoctorReport(
                    names: InterceptNames(namespace: client.namespace, service: service),
                    findings: try await Doctor(
                        client: client,
                        service: service,
                        image: Program.interceptorImage(asked: self.image),
                        programVersion: Program.version
                    ).findings()
                )
                if self.output != .table || !report.findings.isEmpty {
                    Terminal.print(try report.output.text(self.output))
                }
                Terminal.say(report.verdict, report.stops ? .error : .good)
                if report.stops { throw ExitCode.failure }
            }
        }
    }
}

/// What a diagnosis found, as data.
struct DoctorReport {
    var names: InterceptNames
    var findings: [Finding]

    /// Whether an intercept could not be started.
    var stops: Bool { self.findings.contains { $0.severity == .stops } }

    /// The whole in a sentence.
    var verdict: String {
        func count(_ severity: Finding.Severity) -> Int { self.findings.count { $0.severity == severity } }
        let place = "service \(self.names.service) in namespace \(self.names.namespace)"
        let stops = count(.stops)
        let hurts = count(.hurts)
        let harm = hurts == 0 ? "" : "; \(hurts) \(hurts == 1 ? "thing hurts" : "things hurt")"
        guard stops > 0 else { return "nothing stops an intercept of \(place)\(harm)" }
        return "\(stops) \(stops == 1 ? "thing stops" : "things stop") an intercept of \(place)\(harm)"
    }

    /// The findings, in the table each with its mend in the row below.
    var output: Output {
        Output(
            columns: ["SEVERITY", "CODE", "FINDING"],
            rows: self.findings.flatMap { finding in
                [[finding.severity.rawValue, finding.code.rawValue, finding.message], ["", "", "-> \(finding.mend)"]]
            },
            json: [
                "namespace": .string(self.names.namespace),
                "service": .string(self.names.service),
                "stops": .bool(self.stops),
                "findings": .array(self.findings.map(\.json)),
            ]
        )
    }
}
