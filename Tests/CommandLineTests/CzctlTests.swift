import ArgumentParser
import Foundation
import Intercept
import Testing

@testable import detour

@Suite("The documented commands of czctl")
struct CzctlTests {
    private func intercept(_ line: String) throws -> InterceptCommand {
        let words = line.split(separator: " ").map(String.init)
        return try #require(try Detour.parseAsRoot(words) as? InterceptCommand)
    }

    @Test(
        "Each documented line of intercept is read",
        arguments: [
            "intercept leaf -n shop -r 80 -l 3000 -x X-C6O-INTERCEPT:yes",
            "intercept service leaf -n shop -r 80 -l 3000 -x X-C6O-INTERCEPT:yes",
            "intercept service leaf --namespace shop --remotePort 80 --localPort 3000 --header X-C6O-INTERCEPT:yes",
            "intercept leaf -n shop -r 80 -l 3000 -x X-C6O-INTERCEPT:yes -k /tmp/kubeconfig --context lab -q",
            "intercept -n shop -r 80 -l 3000 service leaf --quiet -x X-C6O-INTERCEPT:yes",
        ]
    )
    func lines(line: String) throws {
        let command = try self.intercept(line)
        let options = try command.options(service: command.reference().name)
        #expect(try command.reference() == TargetReference(.service, "leaf"))
        #expect(command.connection.namespace == "shop")
        #expect(options.ports == [.init(remote: "80", local: 3_000)])
        #expect("\(options.match)" == "x-c6o-intercept: yes")
        #expect(command.connection.kubeconfig == (line.contains("-k") ? "/tmp/kubeconfig" : nil))
        #expect(command.connection.context == (line.contains("--context") ? "lab" : nil))
        #expect(command.quiet == (line.contains("-q") || line.contains("--quiet")))
        #expect(!command.close)
    }

    @Test(
        "Each documented way to end it is read",
        arguments: [
            "intercept leaf -n shop -c", "intercept leaf -n shop --clean", "intercept service leaf -n shop --close",
            "intercept leaf -n shop -r 80 -l 3000 -x X-C6O-INTERCEPT:yes --clean",
        ]
    )
    func ends(line: String) throws {
        #expect(try self.intercept(line).close)
    }

    @Test("session list, and session close in each of its forms")
    func sessions() throws {
        #expect(try Detour.parseAsRoot(["session", "list"]) is SessionCommand.List)
        #expect(try Detour.parseAsRoot(["session"]) is SessionCommand.List)
        func close(_ words: String...) throws -> SessionCommand.Close {
            try #require(try Detour.parseAsRoot(["session", "close"] + words) as? SessionCommand.Close)
        }
        #expect(try close("--all").all)
        #expect(try close("--all", "--force").force)
        #expect(try close("intercept-shop-leaf").name == "intercept-shop-leaf")
    }

    @Test(
        "The name is the one that was typed",
        arguments: [
            ("czctl", "czctl"), ("/usr/local/bin/czctl", "czctl"), ("./detour", "detour"), ("czctl2", "detour"),
            ("", "detour"), (nil, "detour"),
        ] as [(String?, String)]
    )
    func names(word: String?, name: String) {
        #expect(ProgramName.of(word) == name)
    }

    @Test("Messages name commands as they are typed, and nothing else changes")
    func messages() {
        let text = "`detour session close leaf`; the image docker.io/detour/detour:1 of detour; or detour intercept x"
        #expect(
            ProgramName.spoken(text, as: "czctl")
                == "`czctl session close leaf`; the image docker.io/detour/detour:1 of detour; or czctl intercept x"
        )
        #expect(ProgramName.spoken(text, as: "detour") == text)
        #expect(ProgramName.spoken("it needs --tls-secret 443=x", as: "czctl") == "it needs --tlsSecretName 443=x")
    }
}
