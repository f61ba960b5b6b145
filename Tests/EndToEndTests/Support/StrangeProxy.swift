import ClusterTestSupport
import Foundation
import Synchronization

/// A proxy that nobody here wrote, running on the node: the addresses that it is asked for are those that the node knows.
///
/// It listens on the node's loopback, where nothing else does; an address of this machine's loopback that no certificate has
/// leads there, and stays when the proxy dies.
final class StrangeProxy: Sendable {
    enum Kind: String {
        /// HTTP's CONNECT, with a login.
        case tinyproxy
        /// SOCKS 5.
        case microsocks
    }

    static let login = "dev:s3cret"

    private let words: [String]
    /// A request that goes through it when it works.
    private let probe: [String]
    private let folder: URL
    private let front: RunningProcess
    private let process: Mutex<RunningProcess>
    /// Host and port on this machine.
    let address: String

    /// Starts it and waits until there is a connection through it.
    ///
    /// - Parameter server: the API server, as the node knows it.
    init(_ kind: Kind, to server: String) async throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "proxy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let node = "/run/netns/\(ProcessInfo.processInfo.environment["DETOUR_CLUSTER_NAME"] ?? "kube")"
        let (port, words) =
            switch kind {
            case .tinyproxy: (3128, ["tinyproxy", "-d", "-c", try Self.configuration(in: self.folder, port: 3128)])
            case .microsocks: (1080, ["microsocks", "-i", "127.0.0.1", "-p", "1080"])
            }
        self.words = ["nsenter", "--net=\(node)"] + words
        self.process = Mutex(try RunningProcess(self.words))
        self.front = try RunningProcess([
            "socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.2,fork",
            "EXEC:nsenter --net=\(node) socat - TCP\\:127.0.0.1\\:\(port)",
        ])
        try await self.front.says("listening on", within: .seconds(5))
        guard let match = self.front.errors.firstMatch(of: #/listening on AF=2 (127\.0\.0\.2:\d+)/#) else {
            throw ShellFailure(description: "no address in: \(self.front.errors)")
        }
        self.address = String(match.1)
        let url = kind == .tinyproxy ? "http://\(Self.login)@\(match.1)" : "socks5://\(match.1)"
        self.probe = ["curl", "-sk", "-m", "2", "-o", "/dev/null", "-x", url, server]
        do {
            try await self.listens()
        } catch {
            // Its port on the node is the next one's too.
            await self.remove()
            throw error
        }
    }

    private static func configuration(in folder: URL, port: Int) throws -> String {
        let file = folder.appending(path: "tinyproxy.conf")
        let user = self.login.replacing(":", with: " ")
        let lines = ["Port \(port)", "Listen 127.0.0.1", "Timeout 600", "BasicAuth \(user)", "LogLevel Connect"]
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        return file.path()
    }

    private func listens() async throws {
        let log = self.process.withLock { $0 }
        try await Cluster.eventually("the proxy answers", within: .seconds(10)) {
            guard log.status == nil else { throw ShellFailure(description: "it ended: \(log.output)\(log.errors)") }
            return try await Shell.run(self.probe).status == 0
        }
    }

    /// What it has written about what it was asked for since it was started last.
    var log: String { self.process.withLock { $0.output + $0.errors } }

    /// Ends it, and with it all connections through it.
    func kill() async {
        let process = self.process.withLock { $0 }
        process.signal(SIGKILL)
        _ = await process.ended()
    }

    /// Starts it once more.
    func restart() async throws {
        let words = self.words
        try self.process.withLock { $0 = try RunningProcess(words) }
        try await self.listens()
    }

    /// Ends it for good.
    func remove() async {
        await self.kill()
        self.front.signal(SIGKILL)
        _ = await self.front.ended()
        try? FileManager.default.removeItem(at: self.folder)
    }
}
