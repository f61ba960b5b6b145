import Foundation

/// Python's http.server with some files, as an ordinary server that answers by HTTP/1.0 until it closes.
public final class FileServer {
    /// Where it listens on 127.0.0.1.
    public let port: Int
    private let process = Process()
    private let folder: URL

    private struct NotStarted: Error {}

    /// Starts it, and returns once it listens.
    ///
    /// - Parameter files: what the files hold, by name.
    public init(files: [String: String]) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "detour-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: self.folder.appending(path: name)) }
        let output = Pipe()
        self.process.executableURL = URL(filePath: "/usr/bin/env")
        self.process.arguments =
            ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", self.folder.path]
        self.process.standardOutput = output
        self.process.standardError = FileHandle.nullDevice
        try self.process.run()
        var line = ""
        while !line.hasSuffix("\n"), let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += String(decoding: byte, as: UTF8.self)
        }
        guard let port = line.firstMatch(of: #/port ([0-9]+)/#).flatMap({ Int($0.1) }) else { throw NotStarted() }
        self.port = port
    }

    /// Ends it and removes the files.
    ///
    /// Its end is not waited for: Foundation misses some under load, and then waits for ever.
    public func stop() {
        kill(self.process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: self.folder)
    }
}
