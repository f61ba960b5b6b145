import Foundation
import KubernetesModel
import TestSupport
import Testing

@testable import OCIImage

@Suite("A saved image")
struct ImageArchiveTests {
    private static let reference = "registry.example/team/detour:1.0"

    /// An image with nothing of this machine in it.
    private static func contents(_ bench: borrowing Workbench) throws -> ImageContents {
        try ImageContents(
            program: bench.write("program", SyntheticELF().bytes),
            entryPoint: "/usr/local/bin/detour",
            certificates: bench.write("certificates.pem", Array("certificates\n".utf8)),
            systemDirectories: []
        )
    }

    private static func json(_ bytes: [UInt8]) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    }

    @Test("holds the tree that is recorded, as tar reads it")
    func tree() throws {
        let bench = try Workbench()
        let contents = try Self.contents(bench)
        try ImageArchive.write(
            contents: contents,
            reference: .init(parsing: Self.reference),
            to: "\(bench.path)/image.tar"
        )
        try run("tar", "-C", bench.path, "-xf", "\(bench.path)/image.tar")
        let manifest = try Self.json(bench.read("manifest.json"))
        let layer = try #require(manifest[0]?["Layers"]?[0]?.string)
        try expectGolden(run("tar", "-tvf", "\(bench.path)/\(layer)"), "layer.txt")
        try expectGolden(run("tar", "-tvf", "\(bench.path)/image.tar"), "archive.txt")
    }

    @Test("is described by the documents that are recorded")
    func documents() throws {
        let bench = try Workbench()
        let contents = try Self.contents(bench)
        let digest = try ImageArchive.write(
            contents: contents,
            reference: .init(parsing: Self.reference),
            to: "\(bench.path)/image.tar"
        )
        try run("tar", "-C", bench.path, "-xf", "\(bench.path)/image.tar")
        let manifest = try bench.read("blobs/sha256/\(digest.hex)")
        let configuration = try #require(
            ImageDigest(parsing: Self.json(manifest)[path: "config", "digest"]?.string ?? "")
        )
        let text = try [
            bench.read("oci-layout"), bench.read("index.json"), manifest,
            bench.read("blobs/sha256/\(configuration.hex)"), bench.read("manifest.json"),
        ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        try expectGolden(text + "\n", "documents.txt")
    }

    @Test("names every blob by what sha256sum makes of it, and every size truly")
    func digests() throws {
        let bench = try Workbench()
        let contents = try ImageContents(program: "/bin/ls")
        let digest = try ImageArchive.write(
            contents: contents,
            reference: .init(parsing: Self.reference),
            to: "\(bench.path)/image.tar"
        )
        #expect(try contents.digest() == digest)
        try run("tar", "-C", bench.path, "-xf", "\(bench.path)/image.tar")
        for blob in try FileManager.default.contentsOfDirectory(atPath: "\(bench.path)/blobs/sha256") {
            #expect(try run("sha256sum", "\(bench.path)/blobs/sha256/\(blob)").hasPrefix("\(blob) "))
        }
        let index = try Self.json(bench.read("index.json"))
        #expect(index["manifests"]?[0]?["digest"]?.string == digest.description)
        let manifest = try Self.json(bench.read("blobs/sha256/\(digest.hex)"))
        let described = [manifest["config"], manifest["layers"]?[0], index["manifests"]?[0]]
        for descriptor in described {
            let blob = try #require(ImageDigest(parsing: descriptor?["digest"]?.string ?? ""))
            #expect(descriptor?["size"]?.integer == Int64(try bench.read("blobs/sha256/\(blob.hex)").count))
        }
    }

    @Test("is the same byte for byte the second time, whatever the files' times")
    func deterministic() throws {
        let bench = try Workbench()
        let reference = try ImageReference(parsing: Self.reference)
        let first = try ImageArchive.write(
            contents: Self.contents(bench),
            reference: reference,
            to: "\(bench.path)/first.tar"
        )
        try run("touch", "-d", "2001-02-03", "\(bench.path)/program", "\(bench.path)/certificates.pem")
        let second = try ImageArchive.write(
            contents: Self.contents(bench),
            reference: reference,
            to: "\(bench.path)/second.tar"
        )
        #expect(first == second)
        #expect(try bench.read("first.tar") == bench.read("second.tar"))
    }

    @Test("is not left half-made when the program changes while it is read, and the old one stays")
    func changedMeanwhile() throws {
        let bench = try Workbench()
        let contents = try Self.contents(bench)
        try bench.write("image.tar", [1, 2, 3])
        try bench.write("program", [0])
        let error = #expect(throws: ImageError.self) {
            try ImageArchive.write(
                contents: contents,
                reference: .init(parsing: Self.reference),
                to: "\(bench.path)/image.tar"
            )
        }
        #expect(error?.message.contains("changed while it was read") == true)
        #expect(try bench.read("image.tar") == [1, 2, 3])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: bench.path).sorted()
                == ["certificates.pem", "image.tar", "program"]
        )
    }

    @Test("is not written under a digest, nor to a folder that is not there")
    func refused() throws {
        let bench = try Workbench()
        let contents = try Self.contents(bench)
        let pinned = try ImageReference(parsing: Self.reference).pinned(to: contents.digest())
        let byDigest = #expect(throws: ImageError.self) {
            try ImageArchive.write(contents: contents, reference: pinned, to: "\(bench.path)/image.tar")
        }
        #expect(byDigest?.code == .invalidReference)
        let nowhere = #expect(throws: ImageError.self) {
            try ImageArchive.write(
                contents: contents,
                reference: .init(parsing: "a"),
                to: "\(bench.path)/absent/image.tar"
            )
        }
        #expect(nowhere?.code == .file)
    }

    @Test(
        "runs in a root of its own, with no file of this machine in reach",
        .enabled(if: canChangeRoot, "needs root on Linux")
    )
    func selfContained() throws {
        let bench = try Workbench()
        try ImageArchive.write(
            contents: ImageContents(program: "/bin/ls"),
            reference: .init(parsing: "a"),
            to: "\(bench.path)/image.tar"
        )
        try run("tar", "-C", bench.path, "-xf", "\(bench.path)/image.tar")
        let layer = try #require(Self.json(bench.read("manifest.json"))[0]?["Layers"]?[0]?.string)
        try FileManager.default.createDirectory(atPath: "\(bench.path)/root", withIntermediateDirectories: true)
        try run("tar", "-C", "\(bench.path)/root", "-xf", "\(bench.path)/\(layer)")
        let listing = try run(
            "chroot",
            "--userspec=65532:65532",
            "\(bench.path)/root",
            "/usr/local/bin/detour",
            "-ld",
            "/tmp",
            "/etc/passwd"
        )
        #expect(listing.contains("drwxrwxrwt"))
        #expect(listing.contains("root"))
    }
}

/// Skipping is for a developer without root; on CI it is a failure.
private let canChangeRoot = geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true"
