import Foundation

/// HashiCorp's yamux in a process of its own, built from source by Debian's Go.
final class GoPeer: @unchecked Sendable {
    // Sendable: `Process` and `FileHandle` are used by the one test that owns this, from one thread at a time.
    private let process = Process()
    private let output = Pipe()
    private var lines: [String] = []

    static let compiler: String? = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
        let candidates = folders.filter { $0.hasPrefix("go-") }.sorted().reversed().map { "/usr/lib/\($0)/bin/go" }
        return (candidates + ["/usr/bin/go", "/usr/local/go/bin/go"])
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// Whether the test can run; where a skip is a failure, it is tried in any case.
    static var isAvailable: Bool {
        if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
        return compiler != nil
            && FileManager.default.fileExists(atPath: "/usr/share/gocode/src/github.com/hashicorp/yamux/session.go")
    }

    /// The program, built once.
    static let program: Result<String, any Error> = Result {
        let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Interop")
        let folder = FileManager.default.temporaryDirectory.appending(path: "detour-yamux-peer")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let binary = folder.appending(path: "peer-\(ProcessInfo.processInfo.processIdentifier)").path
        let build = Process()
        build.executableURL = URL(filePath: compiler ?? "/usr/bin/go")
        build.arguments = ["build", "-o", binary, "."]
        build.currentDirectoryURL = source
        build.environment = [
            "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": folder.appending(path: "cache").path,
            "GOFLAGS": "", "CGO_ENABLED": "0", "PATH": "/usr/bin:/bin", "HOME": folder.path,
        ]
        try build.run()
        build.waitUntilExit()
        guard build.terminationStatus == 0 else { throw SocketFailure(call: "go build", code: build.terminationStatus) }
        return binary
    }

    /// Starts the program; `port` is where it waits for the connection.
    init(_ arguments: String...) throws {
        self.process.executableURL = URL(filePath: try Self.program.get())
        self.process.arguments = arguments
        self.process.standardOutput = self.output
        try self.process.run()
    }

    /// The next line it prints; empty at the end.
    func line() -> String {
        var line: [UInt8] = []
        while let byte = try? self.output.fileHandleForReading.read(upToCount: 1), let byte = byte.first {
            if byte == UInt8(ascii: "\n") { break }
            line.append(byte)
        }
        return String(decoding: line, as: UTF8.self)
    }

    func port() throws -> Int {
        let line = self.line()
        guard line.hasPrefix("listening "), let port = Int(line.dropFirst(10)) else {
            throw SocketFailure(call: "the Go peer said '\(line)'", code: 0)
        }
        return port
    }

    func stop() {
        if self.process.isRunning { self.process.terminate() }
        self.process.waitUntilExit()
    }
}
