import Foundation
import Logging
import NIOCore
import NIOPosix
import ProxyCore
import ProxyTransport
import SocketLoop
import Telemetry
import TrafficMatch
import Tunnel

@testable import PeerTestSupport

/// A listener between a test's client, its original service and the tunnel of one route, `alice`.
struct Harness: Sendable {
    let origin: Server
    let tunnel: Server
    let tunnelPath: String
    let listener: InterceptListener
    let routes = RouteTable()
    let metrics: ProxyMetrics
    let log: AccessLog
    let logFile: URL
    private let descriptor: Int32
    /// The loops of bare sockets that listeners use; channels where there are none.
    @TaskLocal static var sockets = SocketLoopGroup.shared

    static func run(
        isUp: Bool = true,
        onUnreachable: OnUnreachable = .original,
        original: SocketAddress? = nil,
        configure: (inout ListenerConfiguration) -> Void = { _ in },
        _ body: (Harness) async throws -> Void
    ) async throws {
        let harness = try await Harness(original: original, configure: configure)
        try harness.setRoute(isUp: isUp, onUnreachable: onUnreachable)
        try await harness.listener.start()
        var failure: (any Error)?
        do { try await body(harness) } catch { failure = error }
        await harness.listener.stopAccepting()
        harness.listener.closeAll()
        try? await harness.origin.close()
        try? await harness.tunnel.close()
        await harness.log.close()
        unlink(harness.tunnelPath)
        Foundation.close(harness.descriptor)
        try? FileManager.default.removeItem(at: harness.logFile)
        if let failure { throw failure }
    }

    private init(original: SocketAddress?, configure: (inout ListenerConfiguration) -> Void) async throws {
        let name = UUID().uuidString.prefix(13)
        self.tunnelPath = NSTemporaryDirectory() + "detour-\(name).sock"
        self.logFile = URL(filePath: NSTemporaryDirectory() + "detour-\(name).log")
        self.origin = try await Server()
        self.tunnel = try await Server(path: self.tunnelPath)
        self.descriptor = open(self.logFile.path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
        self.metrics = ProxyMetrics()
        self.log = AccessLog(LogFile(descriptor: self.descriptor), dropped: self.metrics.logLinesDropped)
        let address = try original ?? SocketAddress(ipAddress: "127.0.0.1", port: self.origin.port)
        var configuration = ListenerConfiguration(host: "127.0.0.1", port: 0, servicePort: 80, original: address)
        // A busy machine is no silent laptop: who tests the limit sets it.
        configuration.acknowledgementTimeout = .minutes(30)
        configure(&configuration)
        self.listener = InterceptListener(
            configuration: configuration,
            group: MultiThreadedEventLoopGroup.singleton,
            sockets: Self.sockets,
            routes: self.routes,
            metrics: self.metrics,
            accessLog: self.log,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func setRoute(
        isUp: Bool = true,
        onUnreachable: OnUnreachable = .original,
        match: RequestMatch? = nil,
        samplePer10000: Int = 10_000,
        isMirror: Bool = false,
        before others: [Route] = []
    ) throws {
        self.routes.replace(
            port: 80,
            with: [
                Route(
                    id: "alice",
                    match: try match ?? RequestMatch(headers: [HeaderMatch(name: "x-user", value: "alice")]),
                    upstreamPath: self.tunnelPath,
                    isUp: isUp,
                    onUnreachable: onUnreachable,
                    samplePer10000: samplePer10000,
                    isMirror: isMirror
                )
            ] + others
        )
    }

    func connect(window: Int? = nil) async throws -> TestSocket {
        try await TestSocket.connect(port: self.listener.boundPort ?? 0, window: window)
    }

    /// The next stream into the tunnel, its PROXY header read and dropped.
    func acceptStream(acknowledge: Bool = true) async throws -> (TestSocket, ProxyHeader) {
        let stream = try await self.tunnel.accept()
        let length: @Sendable ([UInt8]) -> Int = { 16 + (Int($0[14]) << 8) + Int($0[15]) }
        let seen = await stream.wait { $0.bytes.count >= 16 && $0.bytes.count >= length($0.bytes) }
        var buffer = ByteBuffer(bytes: seen.bytes.prefix(length(seen.bytes)))
        guard let header = try ProxyHeader.parse(&buffer) else { throw CancellationError() }
        stream.drop(length(seen.bytes))
        if acknowledge { try await stream.write([0x06]) }
        return (stream, header)
    }

    /// A diverted request whose response has begun, lasts as long as its stream, and is not read by its client.
    func stalledStream() async throws -> (client: TestSocket, stream: TestSocket) {
        let client = try await self.connect(window: 16 << 10)
        _ = try await self.origin.accept()
        try await client.write(get(user: "alice"))
        let (stream, _) = try await self.acceptStream()
        await stream.text(get(user: "alice"))
        try await client.pause()
        try await stream.write("HTTP/1.0 200 OK\r\n\r\n")
        return (client, stream)
    }

    /// So many requests and answers on a connection of their own: a clock for tests that wait for nothing to happen.
    func turns(_ count: Int) async throws {
        let client = try await self.connect()
        let origin = try await self.origin.accept()
        for _ in 0..<count {
            try await client.write(get())
            await origin.text(get())
            origin.drop(get().utf8.count)
            try await origin.write(ok("1"))
            await client.text(ok("1"))
            client.drop(ok("1").utf8.count)
        }
        try await client.close()
    }

    /// The log's lines, at least `count` of them, once every connection is over.
    func logLines(_ count: Int) async throws -> [String] {
        while self.listener.active.total > 0, !Task.isCancelled { await Task.yield() }
        self.listener.closeAll()
        var text = ""
        repeat {
            text = try String(contentsOf: self.logFile, encoding: .utf8)
            await Task.yield()
        } while text.count(where: { $0 == "\n" }) < count && !Task.isCancelled
        return text.split(separator: "\n").map(String.init)
    }
}

func get(_ path: String = "/", user: String? = nil, method: String = "GET", fields: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(user.map { "X-User: \($0)\r\n" } ?? "")\(fields)\r\n"
}

func post(_ body: String, user: String? = nil) -> String {
    get(user: user, method: "POST", fields: "Content-Length: \(body.utf8.count)\r\n") + body
}

func ok(_ body: String, fields: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

extension [UInt8] {
    /// Bytes of which no two blocks are alike, made from numbered lines.
    init(pattern count: Int) {
        let filler = String(repeating: ".", count: 1_014)
        self = Array((0..<(count >> 10)).map { String(($0 + 1_000_000_000)) + filler }.joined().utf8)
    }
}
