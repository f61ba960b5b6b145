import ArgumentParser
import Intercept
import InterceptPlanning
import KubernetesClient
import KubernetesModel
import SessionControl
import TrafficMatch

/// `detour explain`: which way a request would go, and why.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say which way a request to an intercepted Service would go, and why.",
        usage: """
            \(ProgramName.typed) explain TARGET [-n NAMESPACE] [-H NAME:VALUE] [--path PATH] [OPTION ...] [-- curl ...]
            """,
        discussion: """
            Describe the request by flags, or give the curl command after --, or as one text with --curl (what a \
            browser's "copy as cURL" yields). Nothing is sent. Every route of the Service is asked in its order, condition \
            by condition, as the interceptor does.

            \(ProgramName.typed) explain leaf -n shop -H 'X-C6O-INTERCEPT: yes' --path /n/7
            \(ProgramName.typed) explain leaf -n shop -- curl -H 'X-C6O-INTERCEPT: yes' http://leaf/n/7
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The target, as intercept takes it: NAME, service/NAME, deployment/NAME or statefulset/NAME.",
            valueName: "TARGET"
        )
    )
    var target: String

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: [.customShort("p"), .long],
        help: ArgumentHelp("The Service's port; that of the URL, or its only one, when left out.", valueName: "PORT")
    )
    var port: Int?

    @Option(
        name: [.customShort("H"), .customShort("x"), .long],
        help: ArgumentHelp("A header that the request carries. Repeatable.", valueName: "NAME:VALUE")
    )
    var header: [String] = []

    @Option(help: ArgumentHelp("The request's method.", valueName: "METHOD"))
    var method = "GET"

    @Option(help: ArgumentHelp("The request's path, with its query.", valueName: "PATH"))
    var path = "/"

    @Option(help: ArgumentHelp("The request as one curl command line.", valueName: "TEXT"))
    var curl: String?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("How data is printed: table, json or yaml.", valueName: "FORMAT")
    )
    var output: OutputFormat = .table

    @Argument(parsing: .postTerminator, help: "After '--': the request as a curl command.")
    var command: [String] = []

    func run() async throws {
        try await Failure.reported {
            let asked = try self.request()
            let reference = try TargetReference(typed: [self.target])
            try await self.connection.withClient { client in
                let service = try await TargetChoice(client: client, isQuiet: true).service(of: reference)
                let session: Session
                do {
                    session = try await SessionInventory(client: client).session(named: service)
                } catch let error as SessionControlError {
                    guard let found = try await client.resources(.services).find(service) else { throw error }
                    // A Session that cannot be seen or read is not none.
                    guard ServiceSwap.selectedIncarnation(of: found) == nil else {
                        throw InterceptError(
                            .forbidden,
                            "service \(service) is intercepted, but its session cannot be seen or read: `detour session list` "
                                + "and `detour doctor \(service)` say more"
                        )
                    }
                    return Terminal.print(
                        try Self.notIntercepted(service, in: client.namespace, asked.request).text(self.output)
                    )
                }
                let port = try Self.port(self.port ?? asked.port, of: session)
                let explanation = Explanation(of: asked.request, port: port, routes: session.routes)
                Terminal.print(try Self.output(explanation, asked.request, port, session).text(self.output))
            }
        }
    }

    /// The request that the flags or the curl command describe, and its port where a URL names one.
    func request() throws -> (request: RequestSample, port: Int?) {
        if let curl { return try Self.of(CurlLine(ShellWords.split(curl))) }
        if !self.command.isEmpty { return try Self.of(CurlLine(self.command)) }
        let fields = try self.header.map { text in
            guard let colon = text.firstIndex(of: ":") else {
                throw ValidationError("-H takes NAME:VALUE, as in -H 'X-C6O-INTERCEPT: yes'; '\(text)' has no colon")
            }
            return RequestSample.Field(String(text[..<colon]), String(text[text.index(after: colon)...]))
        }
        return (RequestSample(method: self.method, target: self.path, fields: fields), nil)
    }

    private static func of(_ line: CurlLine) -> (request: RequestSample, port: Int?) { (line.request, line.port) }

    private static func port(_ asked: Int?, of session: Session) throws -> Int {
        let all = InterceptedPort.all(in: session.original.ports).map(\.port)
        if let asked {
            guard all.contains(asked) else {
                throw ValidationError(
                    "service \(session.service) has no port \(asked); it has \(all.map(String.init).joined(separator: ", ")), "
                        + "say which with -p"
                )
            }
            return asked
        }
        guard all.count == 1 else {
            throw ValidationError(
                "service \(session.service) has the ports \(all.map(String.init).joined(separator: ", ")); say which with -p"
            )
        }
        return all[0]
    }

    static func output(_ explanation: Explanation, _ request: RequestSample, _ port: Int, _ session: Session) -> Output
    {
        var answer = Self.answer(explanation, session)
        if let secret = session.settings.tlsSecrets[port] {
            answer.why += "; the port speaks TLS, which is read with secret \(secret)"
        }
        var rows: [[String]] = explanation.verdicts.flatMap { verdict in
            let match = verdict.route.match.takesEverything ? [verdict.route.claim] : []
            let rest = verdict.conditions.map { "\($0.holds ? "yes" : "no "): \($0.condition)\(Self.instead($0))" }
            return (match + rest).enumerated().map { index, text in
                let mark = verdict.route.isMirror ? " (mirror)" : ""
                return [index == 0 ? verdict.route.owner : "", index == 0 ? verdict.route.id + mark : "", text]
            }
        }
        rows.append(["=>", answer.who, answer.why])
        return Output(
            columns: ["ROUTE OF", "ID", "\(request.method) \(request.target) TO PORT \(port)"],
            rows: rows,
            json: [
                "service": .string("\(session.namespace)/\(session.service)"), "port": .integer(Int64(port)),
                "answeredBy": .string(answer.who), "why": .string(answer.why),
                "route": explanation.taker.map { .string($0.id) } ?? .null,
                "routes": .array(
                    explanation.verdicts.map { verdict in
                        [
                            "id": .string(verdict.route.id), "owner": .string(verdict.route.owner),
                            "matches": .bool(verdict.matches), "mirror": .bool(verdict.route.isMirror),
                            "conditions": .array(
                                verdict.conditions.map {
                                    [
                                        "condition": .string("\($0.condition)"), "holds": .bool($0.holds),
                                        "found": $0.found.map { .string($0) } ?? .null,
                                    ]
                                }
                            ),
                        ]
                    }
                ),
            ]
        )
    }

    /// The answer where there is no session: as everywhere.
    static func notIntercepted(_ service: String, in namespace: String, _ request: RequestSample) -> Output {
        let why = "nobody intercepts service \(service) in namespace \(namespace)"
        return Output(
            columns: ["ROUTE OF", "ID", "\(request.method) \(request.target)"],
            rows: [["=>", "original", why]],
            json: [
                "service": .string("\(namespace)/\(service)"), "answeredBy": "original", "why": .string(why),
                "route": .null,
                "routes": [],
            ]
        )
    }

    private static func instead(_ judged: Explanation.Judged) -> String {
        guard !judged.holds else { return "" }
        return judged.found.map { " (the request has '\($0)')" } ?? " (the request has none)"
    }

    private static func answer(_ explanation: Explanation, _ session: Session) -> (who: String, why: String) {
        guard session.phase == .active else { return ("original", "the session is closing") }
        guard !session.isSuspended else {
            return ("original", "no replica could serve, so the Service is restored for now")
        }
        guard let taker = explanation.taker else {
            let why = explanation.verdicts.isEmpty ? "no route is for this port" : "no route takes it"
            let copied = Set(explanation.mirrors.map(\.owner)).sorted().joined(separator: " and ")
            return ("original", copied.isEmpty ? why : "\(why); \(copied) gets a copy")
        }
        let sample =
            taker.samplePer10000 < 10_000 ? ", for \(Double(taker.samplePer10000) / 100) % of such requests" : ""
        let first =
            explanation.verdicts.filter { $0.matches && !$0.route.isMirror }.count > 1
            ? ", the first of those that match" : ""
        return (
            taker.owner,
            "route \(taker.id) takes it\(first)\(sample), on connections opened after the swap; "
                + (taker.onUnreachable == .original
                    ? "the original answers while that machine does not" : "503 while that machine does not answer")
        )
    }
}
