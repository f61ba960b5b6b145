import Foundation
import KubernetesModel
import Testing

@testable import OCIImage

@Suite("Pushing to a real registry", .enabled(if: isRegistryHere, "needs Debian's docker-registry"))
struct RealRegistryTests {
    @Test("stores the image so that it can be pulled unchanged, and sends nothing twice", .timeLimit(.minutes(5)))
    func pushAndPull() async throws {
        let bench = try Workbench()
        let registry = try await RegistryProcess.start(in: bench.path)
        defer { registry.stop() }
        let reference = try ImageReference(parsing: "127.0.0.1:\(registry.port)/team/detour:1.0")
        let contents = try ImageContents(program: "/bin/ls")

        var steps: [ImagePush.Step] = []
        let digest = try await ImagePush.push(contents, to: reference) { steps.append($0) }
        #expect(try contents.digest() == digest)
        #expect(steps.count == 3)
        #expect(steps.last == .finished(digest))

        let documents = try contents.documents()
        let base = "http://127.0.0.1:\(registry.port)/v2/team/detour"
        #expect(try await get("\(base)/manifests/1.0") == documents.manifestBytes)
        #expect(try await get("\(base)/manifests/\(digest)") == documents.manifestBytes)
        #expect(try await get("\(base)/blobs/\(documents.configuration.digest)") == documents.configurationBytes)
        var layer: [UInt8] = []
        let reader = LayerReader(contents)
        while let piece = try reader.next() { layer += piece }
        #expect(try await get("\(base)/blobs/\(documents.layer.digest)") == layer)

        steps = []
        try await ImagePush.push(contents, to: reference.pinned(to: digest)) { steps.append($0) }
        #expect(
            steps == [.present(documents.layer.digest), .present(documents.configuration.digest), .finished(digest)]
        )
    }

    @Test("with a password works, and without or with a wrong one says so", .timeLimit(.minutes(5)))
    func password() async throws {
        let bench = try Workbench()
        // The bcrypt hash of the password below, cost 5.
        let entry = "pusher:$2y$05$oDOTYQ5oVuagSJ7L72Pi4uZ2zWWQpf0OZQFh6cULz3Bdesi4Rk3a2\n"
        let passwords = try bench.write("passwords", Array(entry.utf8))
        let registry = try await RegistryProcess.start(in: bench.path, passwords: passwords)
        defer { registry.stop() }
        let reference = try ImageReference(parsing: "127.0.0.1:\(registry.port)/detour:1.0")
        let contents = try ImageContents(program: bench.write("program", SyntheticELF().bytes))

        for credentials in [nil, RegistryCredentials(username: "pusher", password: "wrong")] {
            let error = await #expect(throws: ImageError.self) {
                try await ImagePush.push(contents, to: reference, credentials: credentials)
            }
            #expect(error?.code == .unauthorized)
        }
        let right = RegistryCredentials(username: "pusher", password: "open: sesame")
        let digest = try await ImagePush.push(contents, to: reference, credentials: right)
        #expect(try contents.digest() == digest)
    }

    @Test("that is not there says which registry could not be reached", .timeLimit(.minutes(5)))
    func unreachable() async throws {
        let bench = try Workbench()
        let registry = try await RegistryProcess.start(in: bench.path)
        registry.stop()
        let contents = try ImageContents(program: bench.write("program", SyntheticELF().bytes))
        let error = await #expect(throws: ImageError.self) {
            try await ImagePush.push(contents, to: ImageReference(parsing: "127.0.0.1:\(registry.port)/detour"))
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("http://127.0.0.1:\(registry.port)") == true)
    }

    private func get(_ url: String) async throws -> [UInt8] {
        var request = RegistryRequest(method: "GET", url: url)
        request.headers = [(name: "accept", value: ImageDocuments.manifestType)]
        let response = try await LiveRegistryTransport.with(bodyLimit: 16 << 20) { try await $0.send(request) }
        #expect(response.status == 200, "\(url)")
        return response.body
    }
}

/// Debian's registry on a free port of the loopback interface, its store in the test's folder.
private struct RegistryProcess {
    static let program = "/usr/bin/docker-registry"

    let port: Int
    private let process: Process

    static func start(in folder: String, passwords: String? = nil) async throws -> RegistryProcess {
        var configuration = """
            version: 0.1
            log: {accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: "\(folder)/store"}}
            http: {addr: "127.0.0.1:0", secret: test}

            """
        if let passwords { configuration += "auth: {htpasswd: {realm: test, path: \"\(passwords)\"}}\n" }
        try Data(configuration.utf8).write(to: URL(filePath: "\(folder)/registry.yml"))
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = ["serve", "\(folder)/registry.yml"]
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        try process.run()

        // The registry logs the port it was given. Its log is read to the end, so that it never waits for a reader.
        let (pieces, continuation) = AsyncStream.makeStream(of: Data.self)
        output.fileHandleForReading.readabilityHandler = { handle in
            let piece = handle.availableData
            if piece.isEmpty {
                handle.readabilityHandler = nil
                continuation.finish()
            } else {
                continuation.yield(piece)
            }
        }
        var log = ""
        for await piece in pieces {
            log += String(decoding: piece, as: UTF8.self)
            if let match = log.firstMatch(of: #/listening on 127\.0\.0\.1:(\d+)\D/#), let port = Int(match.1) {
                return RegistryProcess(port: port, process: process)
            }
        }
        throw ImageError(.registry, "the registry did not start: \(log)")
    }

    func stop() {
        self.process.terminate()
        self.process.waitUntilExit()
    }
}

/// Skipping is for a developer without the package; on CI it is a failure.
private let isRegistryHere =
    FileManager.default.isExecutableFile(atPath: RegistryProcess.program)
    || ProcessInfo.processInfo.environment["CI"] == "true"
