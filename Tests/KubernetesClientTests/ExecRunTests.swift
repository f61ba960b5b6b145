import Foundation
import KubernetesModel
import Testing

@testable import KubernetesClient

@Suite("Running a credential plugin", .timeLimit(.minutes(5)))
struct ExecRunTests {
    private let folder: TemporaryFolder
    private static let v1 = "client.authentication.k8s.io/v1"

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func answer(
        _ script: String,
        version: ExecPlugin.Version = .v1,
        interaction: ExecPlugin.Interaction = .never,
        hasTerminal: Bool = false,
        deadline: Duration? = nil,
        patience: Duration = .seconds(300),
        notice: @escaping @Sendable (String) -> Void = { _ in },
        change: (inout ExecPlugin) -> Void = { _ in }
    ) async throws -> ExecAnswer {
        var plugin = ExecPlugin(version: version, command: try self.folder.script("plugin", script))
        plugin.interaction = interaction
        plugin.deadline = deadline
        change(&plugin)
        var run = ExecRun()
        run.hasTerminal = { hasTerminal }
        run.patience = patience
        run.notice = notice
        return try await run.answer(plugin)
    }

    private static func document(_ status: String, _ version: String = Self.v1) -> String {
        #"echo '{"apiVersion":"\#(version)","kind":"ExecCredential","status":\#(status)}'"#
    }

    @Test("Token, certificate, key and expiry are read", arguments: [ExecPlugin.Version.v1, .v1beta1])
    func ordinary(version: ExecPlugin.Version) async throws {
        let status =
            #"{"token":"t","clientCertificateData":"C","clientKeyData":"K","expirationTimestamp":"2030-01-02T03:04:05Z"}"#
        let answer = try await self.answer(Self.document(status, version.rawValue), version: version)
        #expect(answer.credential.token == "t")
        #expect(answer.credential.identity == ClientIdentity(certificate: [0x43], key: [0x4b]))
        #expect(answer.expiry == Date(timeIntervalSince1970: 1_893_553_445))
    }

    @Test(
        "Every form of an RFC 3339 time is understood",
        arguments: [
            "2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000Z", "2030-01-02T05:04:05+02:00",
            "2030-01-02T03:04:05.000000001Z",
        ]
    )
    func times(text: String) async throws {
        let answer = try await self.answer(Self.document(#"{"token":"t","expirationTimestamp":"\#(text)"}"#))
        let expiry = try #require(answer.expiry)
        #expect(abs(expiry.timeIntervalSince1970 - 1_893_553_445) < 0.001)
    }

    @Test("It gets its arguments, its variables above those of this process, and the cluster")
    func invocation() async throws {
        let script = """
            echo "$0 $1 $2 [$EXTRA] [${HOME:+home}] $KUBERNETES_EXEC_INFO" >"$(dirname "$0")/said"
            \(Self.document(#"{"token":"t"}"#))
            """
        _ = try await self.answer(
            script,
            change: {
                $0.arguments = ["a b", "*"]
                $0.environment = ["EXTRA": "x y"]
                $0.cluster = ["server": "https://k"]
            }
        )
        let said = self.folder.read("said")
        #expect(said.contains("plugin a b * [x y] [home] {"))
        let json = try JSONValue(parsing: String(said[(said.firstIndex(of: "{") ?? said.startIndex)...].dropLast()))
        #expect(
            json == [
                "apiVersion": .string(Self.v1), "kind": "ExecCredential",
                "spec": ["interactive": false, "cluster": ["server": "https://k"]],
            ]
        )
    }

    @Test("It has standard input exactly when it may talk to the user and there is a terminal")
    func interaction() async throws {
        let script = """
            echo "$KUBERNETES_EXEC_INFO" | grep -q '"interactive":true' && said=yes || said=no
            \(#"echo '{"apiVersion":"'"#)\(Self.v1)\(#"'","kind":"ExecCredential","status":{"token":"'$said'"}}'"#)
            """
        func token(_ interaction: ExecPlugin.Interaction, _ hasTerminal: Bool) async throws -> String? {
            try await self.answer(script, interaction: interaction, hasTerminal: hasTerminal).credential.token
        }
        #expect(try await token(.never, true) == "no")
        #expect(try await token(.ifAvailable, false) == "no")
        #expect(try await token(.ifAvailable, true) == "yes")
        #expect(try await token(.always, true) == "yes")
        let error = await #expect(throws: KubernetesError.self) { _ = try await token(.always, false) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("needs a terminal") == true)
    }

    @Test(
        "A wrong answer is named, and what may be secret is not quoted",
        arguments: [
            ("", "printed nothing"), ("echo hidden", "something else than one JSON document"),
            ("echo 'Welcome, hidden!'; " + document(#"{"token":"hidden"}"#), "messages belong on its standard error"),
            (document(#"{"token":"hidden"}"#) + "; echo bye", "something else than one JSON document"),
            (document(#"{"token":"hidden"}"#, "client.authentication.k8s.io/v1beta1"), "make the two the same"),
            (document(#"{"token":"hidden"}"#, "v9"), "answered with apiVersion v9"),
            (#"echo '{"kind":"Config","apiVersion":"v1","token":"hidden"}'"#, "is no ExecCredential"),
            ("echo '[\"hidden\"]'", "is no ExecCredential"), (document("null"), "has no status"),
            (document("{}"), "neither a token nor a certificate"),
            (document(#"{"token":""}"#), "neither a token nor a certificate"),
            (document(#"{"clientKeyData":"hidden"}"#), "only one of certificate and key"),
            (document(#"{"token":"hidden","expirationTimestamp":"soon"}"#), "no RFC 3339 time"),
            ("head -c 2000000 /dev/zero", "more than 1048576 bytes"),
        ]
    )
    func wrongAnswers(script: String, expected: String) async {
        let error = await #expect(throws: KubernetesError.self) { _ = try await self.answer(script) }
        #expect([.credentials, .configuration].contains(error?.code))
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("hidden") == false)
        #expect(error?.message.hasPrefix("the credential plugin \"") == true)
    }

    @Test("One that fails is quoted, in one line and without control characters")
    func failure() async {
        let script = #"printf 'Token \033[31mexpired\033[0m:\n  run aws sso login\n' >&2; exit 3"#
        let error = await #expect(throws: KubernetesError.self) { _ = try await self.answer(script) }
        #expect(error?.code == .credentials && error?.isRetryable == true)
        #expect(
            error?.message.hasSuffix("\" ended with exit status 3: Token [31mexpired[0m: run aws sso login") == true,
            "\(error?.message ?? "")"
        )
    }

    @Test("One that writes without end on standard error is quoted by its end")
    func longFailure() async {
        let script = "seq 1 50000 >&2; exit 1"
        let error = await #expect(throws: KubernetesError.self) { _ = try await self.answer(script) }
        #expect(error?.message.hasSuffix(" 49999 50000") == true)
        #expect((error?.message.count ?? 0) < 1200)
    }

    @Test(
        "One that hangs is stopped at its deadline with what it started, even if it ignores signals",
        .timeLimit(.minutes(5))
    )
    func hanging() async throws {
        let script = """
            trap '' TERM
            sleep 1000 & echo $! >"$(dirname "$0")/child"
            echo $$ >"$(dirname "$0")/self"
            wait; wait; sleep 1000
            """
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.answer(script, deadline: .milliseconds(500))
        }
        #expect(error?.code == .credentials)
        #expect(error?.message.contains("did not end within 0.5 seconds and was stopped") == true)
        for name in ["self", "child"] {
            let process = try #require(Int32(self.folder.read(name).trimmingCharacters(in: .whitespacesAndNewlines)))
            // What was killed ends when it next has its turn. A zombie may stay longer; what runs has a command line.
            let line = URL(filePath: "/proc/\(process)/cmdline")
            while (try? Data(contentsOf: line))?.isEmpty == false { await Task.yield() }
        }
    }

    @Test("One that ends and leaves a child with its output open is not waited for")
    func orphan() async throws {
        let script = "sleep 30 & echo $! >\"$(dirname \"$0\")/child\"; " + Self.document(#"{"token":"t"}"#)
        #expect(try await self.answer(script).credential.token == "t")
        if let child = Int32(self.folder.read("child").trimmingCharacters(in: .whitespacesAndNewlines)) {
            kill(child, SIGKILL)
        }
    }

    @Test("One that names an address is told of at once, while it waits for the user to go there")
    func waitsForUser() async throws {
        let (told, telling) = AsyncStream.makeStream(of: String.self)
        let go = "\(self.folder.path)/go"
        let script = """
            printf 'one moment\\nopen https://login.example/x and enter \\033[1mAB-12\\033[0m\\n' >&2
            while ! test -e '\(go)'; do sleep 0.05; done
            \(Self.document(#"{"token":"t"}"#))
            """
        async let answer = self.answer(script, notice: { telling.yield($0) })
        var texts: [String] = []
        for await text in told {
            texts.append(text)
            if texts.count == 3 { break }
        }
        // It ends only when this is there: what was said was said before.
        _ = FileManager.default.createFile(atPath: go, contents: nil)
        #expect(try await answer.credential.token == "t")
        #expect(texts[0].hasPrefix("waiting for the credential plugin \""))
        #expect(texts[1...] == ["it says: one moment", "it says: open https://login.example/x and enter [1mAB-12[0m"])
    }

    @Test("One that takes long is told of, in few lines; one that does not is not")
    func takesLong() async throws {
        let (told, telling) = AsyncStream.makeStream(of: String.self)
        let go = "\(self.folder.path)/go"
        let script = """
            seq 1 50 >&2
            while ! test -e '\(go)'; do sleep 0.05; done
            \(Self.document(#"{"token":"t"}"#))
            """
        let notice: @Sendable (String) -> Void = { text in
            telling.yield(text)
            _ = FileManager.default.createFile(atPath: go, contents: nil)
        }
        let answer = try await self.answer(script, patience: .zero, notice: notice)
        #expect(answer.credential.token == "t")
        telling.finish()
        let texts = await told.reduce(into: [String]()) { $0.append($1) }
        #expect(texts.first?.hasPrefix("waiting for the credential plugin \"") == true)
        #expect(texts.count <= 1 + PluginWords.mostLines)
        let quick = "echo all is well >&2; " + Self.document(#"{"token":"t"}"#)
        _ = try await self.answer(quick, notice: { Issue.record("said: \($0)") })
    }

    @Test("One that is not there is named with the hint how to get it", arguments: ["no-such-plugin-x", "/nowhere/x"])
    func missing(command: String) async {
        let hint = "get it from the shelf"
        let error = await self.failure(ExecPlugin(command: command, installHint: hint, interaction: .never))
        #expect(error?.code == .configuration)
        #expect(error?.message == "the credential plugin \"\(command)\" cannot be started: \(hint)")
        let plain = await self.failure(ExecPlugin(command: command, interaction: .never))
        #expect(plain?.message.hasSuffix("install it, or correct \"command\" in the kubeconfig") == true)
    }

    private func failure(_ plugin: ExecPlugin) async -> KubernetesError? {
        await #expect(throws: KubernetesError.self) { _ = try await ExecRun().answer(plugin) }
    }

    @Test("Cancelling ends it")
    func cancelling() async throws {
        let run = Task { try await self.answer("sleep 1000") }
        run.cancel()
        await #expect(throws: (any Error).self) { try await run.value }
    }
}
