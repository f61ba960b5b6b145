import Foundation

@testable import PeerTestSupport

/// A program of `GRPC/` in a process of its own, run by the Python that `scripts/lib/python-peers` sets up.
final class PythonPeer: @unchecked Sendable {
    // Sendable: `Process` and the pipes are used by the one test that owns this, from one thread at a time.
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let setup = PythonPeer.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "scripts/lib/python-peers").path

    /// The interpreter, made ready if it is not; nil where it cannot be had.
    static let interpreter: String? = {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: PythonPeer.setup)
        process.standardOutput = output
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
    }()

    /// Whether the tests can run; where a skip is a failure, they are tried in any case.
    static var isAvailable: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true" || interpreter != nil
    }

    init(_ program: String, _ arguments: String..., environment: [String: String] = [:]) throws {
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        self.process.executableURL = URL(filePath: Self.interpreter ?? "/nonexistent/python-peers-did-not-work")
        self.process.arguments = [Self.folder.appending(path: "GRPC/\(program)").path] + arguments
        self.process.standardInput = self.input
        self.process.standardOutput = self.output
        try self.process.run()
    }

    /// The port a server prints when it is ready.
    func port() -> Int {
        var line: [UInt8] = []
        while let byte = try? self.output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return Int(String(decoding: line, as: UTF8.self)) ?? 0
    }

    /// All a client prints, once it has ended.
    func lines() async -> [String] {
        let output = self.output
        let text = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
        return text.split(separator: "\n").map(String.init)
    }

    /// Ends it and whatever it still does, by force: the writing end of its input may be open in another child too, and a
    /// signal that it inherited blocked would not end it.
    func stop() {
        if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) }
        self.process.waitUntilExit()
    }
}
