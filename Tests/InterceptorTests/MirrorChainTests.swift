import Foundation
import InterceptPlanning
import KubernetesModel
import Logging
import NIOCore
import NIOPosix
import ProxyTransport
import TestSupport
import Testing
import TrafficMatch
import Tunnel
import TunnelTransport

@testable import Interceptor

/// A replica's listeners, its tunnel server and a laptop's tunnel, with curl before and Python's server behind them.
@Suite("A mirror from the client to the laptop", .timeLimit(.minutes(5)))
struct MirrorChainTests {
    private static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test("What curl gets is the original's; what the laptop gets is what curl sent and got, byte for byte")
    func chain() async throws {
        let original = try FileServer(files: ["a.json": "{\"a\":1}", "much": String(repeating: "x", count: 900_000)])
        defer { original.stop() }
        let laptop = try TunnelIdentity()
        let folder = URL(filePath: "/tmp/detour-\(UUID().uuidString.prefix(13))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        var session = try #require(try Stage().session())
        session.routes[0].isMirror = true
        session.routes[0].match = .everything
        session.routes[0].ports = [original.port]
        session.routes[0].fingerprint = laptop.fingerprint
        let (state, published) = (ReplicaState(), session)
        state.with { $0.session = published }
        let gate = TunnelGate(
            state: state,
            incarnation: Stage.incarnation,
            runDirectory: folder.path,
            version: "1"
        )
        var configuration = InterceptorConfiguration(session: session, decoyAddress: "127.0.0.1")
        configuration.ports = InterceptedPort.all(in: [["port": .integer(Int64(original.port))]])
        configuration.ports[0].listener = 0
        let group = MultiThreadedEventLoopGroup.singleton
        let path = try DataPath(configuration, gate: gate, host: "127.0.0.1", group: group, logger: Self.silent)
        try await path.start()

        let key = try TunnelIdentity()
        let server = try await TunnelServer.bind(
            host: "127.0.0.1",
            port: 0,
            group: group,
            configuration: .init(
                identity: key,
                isAllowed: { gate.isAllowed($0) },
                admit: { gate.admit($0, $1) },
                onEvent: { _ in }
            ),
            logger: Self.silent
        )
        let taker = Taker()
        let tunnel = try await TunnelClient.connect(
            over: ClientBootstrap(group: group).connect(host: "127.0.0.1", port: server.port).get(),
            configuration: .init(
                identity: laptop,
                serverFingerprint: key.fingerprint,
                hello: TunnelHello(route: "r1", session: Stage.incarnation, epoch: 1, version: "1"),
                destination: taker
            ),
            logger: Self.silent
        )
        path.update(session, tunnels: ["r1": 1], paused: [])

        let port = try #require(path.listeners.first?.boundPort)
        for name in ["a.json", "much"] {
            let answer = try Self.curl("http://127.0.0.1:\(port)/\(name)?q=1", "-H", "X-A: b")
            let exchange = try #require(await taker.next())
            #expect(String(buffer: exchange.response) == answer)
            let request = String(buffer: exchange.request)
            #expect(request.hasPrefix("GET /\(name)?q=1 HTTP/1.1\r\n") && request.contains("\r\nX-A: b\r\n"))
            #expect(answer.contains("Server: SimpleHTTP") && !answer.lowercased().contains("detour"))
        }
        while path.routes.counts().map(\.diverted) != [2], !Task.isCancelled { await Task.yield() }
        // The laptop is gone: nobody notices.
        await tunnel.close()
        #expect(try Self.curl("http://127.0.0.1:\(port)/a.json").hasSuffix("{\"a\":1}"))
        await path.close()
        await server.close()
    }

    private static func curl(_ url: String, _ flags: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["curl", "-sSi", "-m", "20", "--noproxy", "*", url] + flags
        process.standardOutput = output
        try process.run()
        return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}

/// A laptop that keeps the copies it gets.
private final class Taker: LocalDestination, MirrorTaker {
    private let came: AsyncStream<MirroredExchange>
    private let coming: AsyncStream<MirroredExchange>.Continuation

    init() {
        (self.came, self.coming) = AsyncStream.makeStream()
    }

    func addresses(for header: ProxyHeader) -> [SocketAddress] { [] }
    func scheme(for header: ProxyHeader) -> LocalScheme { .plain }
    func became(_ outcome: LocalOutcome, _ header: ProxyHeader) {}
    func taker(for header: ProxyHeader) -> (any MirrorTaker)? { self }
    func abandoned() {}

    func take(_ exchange: MirroredExchange, done: @escaping @Sendable () -> Void) {
        self.coming.yield(exchange)
        done()
    }

    func next() async -> MirroredExchange? {
        for await exchange in self.came { return exchange }
        return nil
    }
}
