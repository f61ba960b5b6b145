import OCIImage
import Testing

@Suite("Image names")
struct ImageReferenceTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(
        "are normalised as Docker and containerd do",
        arguments: [
            ("detour", "docker.io/library/detour:latest"),
            ("detour:dev", "docker.io/library/detour:dev"),
            ("docker.io/detour", "docker.io/library/detour:latest"),
            ("index.docker.io/detour", "docker.io/library/detour:latest"),
            ("team/detour:1.0", "docker.io/team/detour:1.0"),
            ("localhost/detour", "localhost/detour:latest"),
            ("localhost:5000/a/b/c", "localhost:5000/a/b/c:latest"),
            ("127.0.0.1:5000/detour:x", "127.0.0.1:5000/detour:x"),
            ("[::1]:5000/detour", "[::1]:5000/detour:latest"),
            ("registry.example/a__b/c--d.e:T_1", "registry.example/a__b/c--d.e:T_1"),
            ("HOST/detour", "HOST/detour:latest"),
            ("detour@\(digest)", "docker.io/library/detour@\(digest)"),
            ("registry.example:443/a:b@\(digest)", "registry.example:443/a:b@\(digest)"),
        ]
    )
    func normalised(text: String, full: String) throws {
        let reference = try ImageReference(parsing: text)
        #expect(reference.description == full)
        #expect(try ImageReference(parsing: full) == reference)
    }

    @Test(
        "that break the grammar are refused with the part that is wrong",
        arguments: [
            ("", "empty"),
            ("https://registry.example/a", "URL scheme"),
            ("Detour", "capital letters"),
            ("registry.example/Detour", "capital letters"),
            ("detour:", "tag"),
            ("detour:-x", "tag"),
            ("detour:a b", "tag"),
            ("detour:" + String(repeating: "x", count: 129), "tag"),
            ("detour@sha256:00", "64 lower-case hex digits"),
            ("detour@sha512:" + String(repeating: "0a", count: 64), "64 lower-case hex digits"),
            ("detour@sha256:" + String(repeating: "0A", count: 32), "64 lower-case hex digits"),
            ("/detour", "not allowed"),
            ("detour/", "not allowed"),
            ("a//b", "not allowed"),
            ("a/../b", "not allowed"),
            ("a._b", "not allowed"),
            ("a___b", "not allowed"),
            ("dètour", "not allowed"),
            ("registry.example:0/a", "host or host:port"),
            ("registry.example:99999/a", "host or host:port"),
            ("-x.example/a", "host or host:port"),
            ("x..example/a", "host or host:port"),
            (String(repeating: "a/", count: 300) + "a", "512"),
        ]
    )
    func refused(text: String, reason: String) {
        let error = #expect(throws: ImageError.self) { try ImageReference(parsing: text) }
        #expect(error?.code == .invalidReference)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("never carry a terminal's control characters into a message")
    func controlCharacters() {
        let error = #expect(throws: ImageError.self) { try ImageReference(parsing: "a\u{1b}[31m\r\nb") }
        #expect(error?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
    }

    @Test(
        "of this machine's registries are known as such",
        arguments: [
            ("localhost:5000/a", true), ("localhost/a", true), ("127.0.0.1:1/a", true), ("[::1]:5000/a", true),
            ("localhost.example/a", false), ("127.0.0.1.example/a", false), ("a", false),
        ]
    )
    func loopback(text: String, expected: Bool) throws {
        #expect(try ImageReference(parsing: text).isLoopback == expected)
    }

    @Test("are pinned by putting the digest in the tag's place")
    func pinned() throws {
        let digest = try #require(ImageDigest(parsing: Self.digest))
        #expect(try ImageReference(parsing: "x.example/a:b").pinned(to: digest).description == "x.example/a@\(digest)")
    }
}
