import Foundation
import Synchronization
import Testing

@testable import OCIImage

@Suite("Talking to a registry")
struct RegistryProtocolTests {
    private static let reference = "registry.example:5000/team/detour:1.0"

    private static func push(
        _ registry: ScriptedRegistry,
        credentials: RegistryCredentials? = nil,
        reference: String = reference
    ) async throws -> ImageDigest {
        let bench = try Workbench()
        let contents = try ImageContents(
            program: bench.write("program", SyntheticELF().bytes),
            entryPoint: "/usr/local/bin/detour",
            certificates: "/nowhere",
            systemDirectories: []
        )
        return try await ImagePush.push(
            contents,
            to: ImageReference(parsing: reference),
            credentials: credentials,
            plainHTTP: false,
            transport: registry,
            onStep: { _ in }
        )
    }

    @Test("asks for what is there, uploads the rest, then stores the manifest")
    func plainPush() async throws {
        let registry = ScriptedRegistry { request in
            switch request.method {
            case "HEAD": RegistryResponse(status: 404)
            case "POST":
                RegistryResponse(status: 202, headers: [("Location", "/v2/team/detour/blobs/uploads/1?state=x")])
            default: RegistryResponse(status: 201)
            }
        }
        let digest = try await Self.push(registry)
        let requests = registry.requests.map { "\($0.method) \($0.url)" }
        #expect(requests.count == 7)
        #expect(requests[0].hasPrefix("HEAD https://registry.example:5000/v2/team/detour/blobs/sha256:"))
        #expect(requests[1] == "POST https://registry.example:5000/v2/team/detour/blobs/uploads/")
        #expect(
            requests[2].hasPrefix(
                "PUT https://registry.example:5000/v2/team/detour/blobs/uploads/1?state=x&digest=sha256%3A"
            )
        )
        #expect(requests[6] == "PUT https://registry.example:5000/v2/team/detour/manifests/1.0")
        #expect(digest.hex.utf8.count == 64)
    }

    @Test("answers a Bearer challenge with a token for pulling and pushing, and keeps it")
    func bearer() async throws {
        let registry = ScriptedRegistry { request in
            if request.url.hasPrefix("https://auth.example/") {
                return RegistryResponse(status: 200, body: Array(#"{"token":"T0"}"#.utf8))
            }
            guard request.authorization == "Bearer T0" else {
                return RegistryResponse(
                    status: 401,
                    headers: [
                        ("WWW-Authenticate", #"Bearer realm="https://auth.example/token",service="s x",scope="a""#)
                    ]
                )
            }
            return RegistryResponse(status: request.method == "PUT" ? 201 : 200)
        }
        _ = try await Self.push(registry, credentials: .init(username: "u", password: "p"))
        let tokens = registry.requests.filter { $0.url.hasPrefix("https://auth.example/") }
        #expect(
            tokens.map(\.url)
                == ["https://auth.example/token?service=s%20x&scope=repository%3Ateam%2Fdetour%3Apull%2Cpush"]
        )
        #expect(tokens.first?.authorization == "Basic dTpw")
    }

    @Test("never sends the authorisation to the storage host an upload leads to")
    func otherHost() async throws {
        let registry = ScriptedRegistry { request in
            if request.url.hasPrefix("https://storage.example/") { return RegistryResponse(status: 201) }
            guard request.authorization != nil else {
                return RegistryResponse(status: 401, headers: [("WWW-Authenticate", "Basic realm=x")])
            }
            switch request.method {
            case "HEAD": return RegistryResponse(status: 404)
            case "POST":
                return RegistryResponse(status: 202, headers: [("location", "https://storage.example/up?sig=1")])
            default: return RegistryResponse(status: 201)
            }
        }
        _ = try await Self.push(registry, credentials: .init(username: "u", password: "p"))
        let stored = registry.requests.filter { $0.url.hasPrefix("https://storage.example/") }
        #expect(stored.count == 2)
        #expect(stored.allSatisfy { $0.authorization == nil })
    }

    @Test(
        "never sends a password where the registry's challenge would have it read on the way",
        arguments: ["http://auth.example/token", "ftp://auth.example/", "https://u@auth.example/", ""]
    )
    func badRealm(realm: String) async {
        let registry = ScriptedRegistry { _ in
            RegistryResponse(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"\(realm)\"")])
        }
        let error = await #expect(throws: ImageError.self) {
            try await Self.push(registry, credentials: .init(username: "u", password: "p"))
        }
        #expect(error?.code == .registry)
        #expect(registry.requests.allSatisfy { $0.authorization == nil })
    }

    @Test("explains a refusal and never prints the password")
    func unauthorized() async {
        let registry = ScriptedRegistry { _ in
            RegistryResponse(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
        }
        let without = await #expect(throws: ImageError.self) { try await Self.push(registry) }
        #expect(without?.code == .unauthorized)
        #expect(without?.message.contains("docker login registry.example:5000") == true)
        let with = await #expect(throws: ImageError.self) {
            try await Self.push(registry, credentials: .init(username: "u", password: "s3cret"))
        }
        #expect(with?.message.contains("does not accept the credentials of \"u\"") == true)
        #expect("\(String(describing: with))".contains("s3cret") == false)
        #expect("\(RegistryCredentials(username: "u", password: "s3cret"))" == "u:***")
    }

    @Test("passes on the registry's own words, without control characters")
    func registryError() async {
        let registry = ScriptedRegistry { request in
            request.method == "HEAD"
                ? RegistryResponse(status: 404)
                : RegistryResponse(
                    status: 507,
                    body: Array(#"{"errors":[{"code":"FULL","message":"no\u001b[31m room"}]}"#.utf8)
                )
        }
        let error = await #expect(throws: ImageError.self) { try await Self.push(registry) }
        #expect(error?.code == .registry)
        #expect(error?.message.contains("status 507: FULL: no?[31m room") == true)
    }

    @Test("does not push a wrong image under a digest")
    func wrongDigest() async {
        let registry = ScriptedRegistry { _ in RegistryResponse(status: 200) }
        let other = "registry.example/a@sha256:" + String(repeating: "0", count: 64)
        let error = await #expect(throws: ImageError.self) { try await Self.push(registry, reference: other) }
        #expect(error?.code == .invalidReference)
        #expect(registry.requests.isEmpty)
    }

    @Test("notices when another manifest was stored than was sent")
    func otherManifest() async {
        let registry = ScriptedRegistry { request in
            RegistryResponse(
                status: request.method == "PUT" ? 201 : 200,
                headers: [("Docker-Content-Digest", "sha256:00")]
            )
        }
        let error = await #expect(throws: ImageError.self) { try await Self.push(registry) }
        #expect(error?.message.contains("stored another manifest") == true)
    }

    @Test(
        "reads challenges as RFC 9110 writes them",
        arguments: zip(
            [
                "Basic realm=\"a, b\"", "bearer realm = \"x\\\"y\" , service=z",
                "Basic realm=a, Bearer realm=b,scope=\"c,d\"",
                "Negotiate", "", ",,", "Bearer realm=\"open", "=",
            ],
            [
                [RegistryChallenge(scheme: "basic", parameters: ["realm": "a, b"])],
                [RegistryChallenge(scheme: "bearer", parameters: ["realm": "x\"y", "service": "z"])],
                [
                    RegistryChallenge(scheme: "basic", parameters: ["realm": "a"]),
                    RegistryChallenge(scheme: "bearer", parameters: ["realm": "b", "scope": "c,d"]),
                ],
                [RegistryChallenge(scheme: "negotiate")], [], [], [RegistryChallenge(scheme: "bearer")], [],
            ]
        )
    )
    func challenges(value: String, expected: [RegistryChallenge]) {
        #expect(RegistryChallenge.parse(value) == expected)
    }

    @Test(
        "resolves where an upload goes on",
        arguments: [
            ("/v2/a?b=c", "https://r.example:5000/v2/a?b=c"), ("https://S.example/x#y", "https://s.example/x"),
            ("http://s.example?q", "http://s.example/?q"), ("//s.example/x", nil), ("relative", nil),
            ("ftp://s/x", nil),
            ("https://u:p@s/x", nil), ("https:///x", nil),
        ]
    )
    func locations(location: String, expected: String?) {
        let base = RegistryURL(origin: "https://r.example:5000", path: "/v2/")
        #expect(base.resolving(location)?.text == expected)
    }
}

/// A registry that answers by a function and remembers what it was asked.
private final class ScriptedRegistry: RegistryTransport {
    private let answer: @Sendable (RegistryRequest) -> RegistryResponse
    private let seen = Mutex<[RegistryRequest]>([])

    init(_ answer: @escaping @Sendable (RegistryRequest) -> RegistryResponse) { self.answer = answer }

    var requests: [RegistryRequest] { self.seen.withLock { $0 } }

    func send(_ request: RegistryRequest) async throws -> RegistryResponse {
        self.seen.withLock { $0.append(request) }
        return self.answer(request)
    }
}

extension RegistryRequest {
    fileprivate var authorization: String? { self.headers.first { $0.name == "authorization" }?.value }
}
