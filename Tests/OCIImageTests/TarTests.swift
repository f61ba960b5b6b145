import Testing

@testable import OCIImage

@Suite("The tar format")
struct TarTests {
    @Test("carries paths of up to 255 bytes, split where a slash allows it")
    func longPaths() throws {
        let directory = String(repeating: "d", count: 100)
        let name = String(repeating: "n", count: 99)
        for path in [
            "/\(name)n", "/\(directory)/\(name)", "/\(directory)/\(String(repeating: "e", count: 50))/\(name)",
        ] {
            let bench = try Workbench()
            let archive = try Tar.header(path: path, kind: .file, mode: 0o644, size: 0) + Tar.end
            let file = try bench.write("archive.tar", archive)
            #expect(try run("tar", "-tf", file) == path.dropFirst() + "\n")
        }
    }

    @Test(
        "refuses what it cannot carry",
        arguments: [
            String(repeating: "n", count: 101),
            String(repeating: "d/", count: 140) + "n",
            // The only slash that leaves a short enough name comes after 161 bytes.
            ["d", "d", "n"].map { String(repeating: $0, count: 80) }.joined(separator: "/"),
        ]
    )
    func tooLong(path: String) {
        let error = #expect(throws: ImageError.self) { try Tar.header(path: path, kind: .file, mode: 0o644, size: 0) }
        #expect(error?.code == .tarLimit)
    }

    @Test("refuses 8 GiB and more, and carries one byte less")
    func size() throws {
        #expect(throws: ImageError.self) { try Tar.header(path: "a", kind: .file, mode: 0o644, size: 1 << 33) }
        let header = try Tar.header(path: "a", kind: .file, mode: 0o644, size: 1 << 33 - 1)
        #expect(String(decoding: header[124..<136], as: UTF8.self) == "77777777777\0")
    }

    @Test("fills files up to whole blocks", arguments: [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)])
    func padding(size: Int, padding: Int) {
        #expect(Tar.padding(size) == padding)
    }
}
