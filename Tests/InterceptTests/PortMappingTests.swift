import Testing

@testable import Intercept

@Suite("Port mappings")
struct PortMappingTests {
    private typealias Mapping = InterceptOptions.PortMapping

    @Test(
        "REMOTE and REMOTE:LOCAL are read",
        arguments: [
            ("80", "80", 80), ("80:3000", "80", 3_000), ("http:3000", "http", 3_000), ("65535:1", "65535", 1),
            ("1:65535", "1", 65_535),
        ]
    )
    func reading(text: String, remote: String, local: Int) throws {
        #expect(try Mapping(parsing: text) == Mapping(remote: remote, local: local))
    }

    @Test(
        "Anything else is refused, quoting what was given and saying what is wanted",
        arguments: [
            ("", "-p 80:3000"), ("http", "-p http:3000"), ("0", "'0'"), ("65536", "'65536'"), ("-1", "'-1'"),
            ("80:0", "'0'"), ("99999:1", "'99999'"), ("0:1", "'0'"), ("80:65536", "'65536'"), ("80:http", "'http'"),
            ("80:", "''"), (":80", "-p 80:3000"),
            (":", "-p 80:3000"), ("80:81:82", "-p 80:3000"), ("80:3000 ", "'3000 '"),
            ("99999999999999999999", "no port"),
        ]
    )
    func refusing(text: String, hint: String) {
        let error = #expect(throws: InterceptError.self) { try Mapping(parsing: text) }
        #expect(error?.code == .badArgument)
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }
}
