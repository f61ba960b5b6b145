import ArgumentParser
import Foundation
import Intercept
import InterceptPlanning
import Testing
import TrafficMatch

@testable import detour

@Suite("The arguments of intercept")
struct InterceptArgumentsTests {
    @Test("The words before the options are the target", arguments: [["leaf"], ["service/leaf"], ["service", "leaf"]])
    func target(words: [String]) throws {
        #expect(try InterceptCommand.parse(words + ["-n", "shop"]).reference() == TargetReference(.service, "leaf"))
    }

    @Test("A target that cannot be read is a usage error", arguments: [["pod/leaf"], ["a", "b"], ["service/"]])
    func refusedTarget(words: [String]) throws {
        let command = try InterceptCommand.parse(words)
        #expect(throws: ValidationError.self) { try command.reference() }
    }

    @Test("What follows '--' is the command, whatever it looks like; what comes before is not")
    func command() throws {
        let plain = try InterceptCommand.parse(["leaf", "-p", "80:3000", "--", "npm", "run", "-x", "--", "--help"])
        #expect(plain.localSide.command == ["npm", "run", "-x", "--", "--help"])
        #expect(try plain.reference() == TargetReference(.service, "leaf"))
        let two = try InterceptCommand.parse(["service", "leaf", "--env-file", "x.env", "--", "make"])
        #expect(try two.reference() == TargetReference(.service, "leaf"))
        #expect(two.localSide.command == ["make"])
        #expect(two.localSide.envFile == "x.env")
        #expect(try InterceptCommand.parse(["leaf"]).localSide.command.isEmpty)
    }

    @Test("The local service is spoken to as it is said; an authority goes with TLS only, and has to be there")
    func localScheme() throws {
        func scheme(_ words: String...) throws -> LocalSchemeChoice {
            try InterceptCommand.parse(["leaf"] + words).options(service: "leaf").localScheme
        }
        #expect(try scheme() == .http)
        #expect(try scheme("--local-scheme", "h2c") == .h2c)
        #expect(try scheme("--local-scheme", "https") == .https(authority: nil))
        let file = URL(filePath: #filePath)
        let bytes = try [UInt8](Data(contentsOf: file))
        #expect(try scheme("--local-scheme", "https", "--local-ca", file.path()) == .https(authority: bytes))
        #expect(throws: (any Error).self) { try scheme("--local-scheme", "https", "--local-ca", "/nonexistent") }
        #expect(throws: (any Error).self) { try scheme("--local-ca", "/dev/null") }
        #expect(throws: (any Error).self) { try scheme("--local-scheme", "ftp") }
    }

    @Test("Secrets are named by either flag, for all ports or for one; not with --all, which reads nothing")
    func tlsSecrets() throws {
        let options = try InterceptCommand.parse(["leaf", "--tls-secret", "a", "--tlsSecretName", "443=b"])
            .options(service: "leaf")
        #expect(options.tlsSecrets == [try TLSSecret(parsing: "a"), try TLSSecret(parsing: "443=b")])
        #expect(options.tlsSecrets.map(\.port) == [nil, "443"])
        #expect(throws: (any Error).self) { try InterceptCommand.parse(["leaf", "--all", "--tls-secret", "a"]) }
    }

    @Test("-l takes a port number only", arguments: ["0", "65536", "-1"])
    func localPort(text: String) throws {
        #expect(throws: (any Error).self) { try InterceptCommand.parse(["leaf", "-r", "80", "-l", text]) }
    }

    @Test("No target at all is a usage error")
    func noTarget() {
        #expect(throws: (any Error).self) { try InterceptCommand.parse([]) }
    }

    @Test("Without a header the documented one is asked for; each -x adds a condition")
    func headers() throws {
        #expect("\(try InterceptCommand.parse(["leaf"]).options(service: "leaf").match)" == "x-c6o-intercept: yes")
        let two = try InterceptCommand.parse(["leaf", "-x", "X-Dev: ada", "--header", "X-Team:red"])
            .options(service: "leaf").match
        #expect(two.description == "x-dev: ada and x-team: red")
    }

    @Test(
        "Every condition has its flag; the default header stays unless something else names the sender",
        arguments: [
            ("--path-prefix /api", "path: /api… (prefix) and x-c6o-intercept: yes"),
            ("--path-prefix /api --no-header", "path: /api… (prefix)"),
            ("--path /a --method get --no-header", "method GET and path: /a"),
            ("--path-regex /v[12]/.* -x u:me", "path matching /v[12]/.* and u: me"),
            ("--query debug", "query debug present"),
            ("--cookie user=ada", "cookie user=ada"),
            ("--baggage user=ada --tracestate dd=1", "baggage user=ada and tracestate dd=1"),
            ("--header-prefix u:ad", "u: ad… (prefix)"), ("--header-regex u:a.*", "u matching a.*"),
            ("--header-present traceparent", "traceparent present"), ("--all", "every connection"),
        ]
    )
    func conditions(flags: String, expected: String) throws {
        let words = ["leaf"] + flags.split(separator: " ").map(String.init)
        #expect("\(try InterceptCommand.parse(words).options(service: "leaf").match)" == expected)
    }

    @Test(
        "Flags that contradict each other, or that no request can satisfy, are refused",
        arguments: [
            "--all -x a:b", "--no-header", "--path api", "--header-regex u:(a", "--cookie =x", "--header-present a:b",
        ]
    )
    func contradictions(flags: String) throws {
        let command = try InterceptCommand.parse(["leaf"] + flags.split(separator: " ").map(String.init))
        #expect(throws: (any Error).self) { try command.options(service: "leaf") }
    }

    @Test("Both spellings of a port mapping mean the same")
    func ports() throws {
        let short = try InterceptCommand.parse(["leaf", "-p", "80:3000"]).options(service: "leaf").ports
        let long = try InterceptCommand.parse(["leaf", "--remotePort", "80", "--localPort", "3000"])
            .options(service: "leaf").ports
        #expect(short == [.init(remote: "80", local: 3_000)])
        #expect(long == short)
        let both = try InterceptCommand.parse(["leaf", "-p", "80:3000", "-p", "http:1"]).options(service: "leaf").ports
        #expect(both.map(\.remote) == ["80", "http"])
    }

    @Test(
        "What cannot be meant is refused while parsing",
        arguments: [
            ["leaf", "-r", "80"], ["leaf", "-l", "3000"], ["leaf", "--replicas", "0"], ["leaf", "--ttl", "0"],
            ["leaf", "--ttl", "soon"], ["leaf", "--drain", "-1s"], ["leaf", "--on-unreachable", "404"],
            ["leaf", "--on-revert", "fight"],
            ["leaf", "-o", "xml"], ["leaf", "--no-such-flag"],
        ]
    )
    func refused(arguments: [String]) {
        #expect(throws: (any Error).self) { try InterceptCommand.parse(arguments) }
    }

    @Test("Flags reach the options")
    func flags() throws {
        let options = try InterceptCommand.parse([
            "leaf", "--ttl", "2m", "--drain", "30", "--replicas", "3", "--image", "r/i:1", "--image-pull-secret", "s",
            "--on-unreachable", "503", "--on-revert", "reassert", "--take-over",
        ]).options(service: "leaf")
        #expect(options.ttlSeconds == 120)
        #expect(options.drainSeconds == 30)
        #expect(options.replicas == 3)
        #expect(options.image == "r/i:1")
        #expect(options.imagePullSecret == "s")
        #expect(options.onUnreachable == .unavailable)
        #expect(options.onRevert == .reassert)
        #expect(options.takesOver)
        #expect(options.owner.contains("@"))
    }

    @Test("-c, --close and --clean are one flag", arguments: ["-c", "--close", "--clean"])
    func close(flag: String) throws {
        #expect(try InterceptCommand.parse(["service", "leaf", flag]).close)
    }
}

@Suite("Times on the command line")
struct SecondsTests {
    @Test(
        "Seconds, minutes and hours are read",
        arguments: [("45", 45), ("45s", 45), ("10m", 600), ("2h", 7_200), ("1", 1), ("999999s", 999_999)]
    )
    func reading(text: String, seconds: Int) {
        #expect(Seconds(argument: text)?.value == seconds)
    }

    @Test(
        "Everything else is refused",
        arguments: [
            "", "s", "0", "0m", "-5", "1.5s", "5 s", "5d", "1000000", "ten", "9223372036854775807h", "5ms", "5S",
        ]
    )
    func refusing(text: String) {
        #expect(Seconds(argument: text) == nil)
    }

    @Test(
        "A time is written as somebody would type it, so that it can be read again",
        arguments: [
            (7, "7s"), (60, "60s"), (90, "90s"), (120, "2m"), (600, "10m"), (3_600, "1h"), (5_400, "90m"),
            (7_200, "2h"),
            (7_201, "7201s"),
        ]
    )
    func writing(value: Int, text: String) {
        #expect("\(Seconds(value))" == text)
        #expect(Seconds(argument: text)?.value == value)
    }
}
