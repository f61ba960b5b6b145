import ArgumentParser
import Foundation
import Logging
import NIOCore
import NIOPosix
import ProxyCore
import ProxyTransport
import SocketLoop
import TrafficMatch
import UnixSignals

/// Detour's data path and nothing else: one listener on one event loop, in front of one original.
///
/// It has one route, asked for each request and taken by none, because that is what most traffic of an intercepted
/// Service meets. At its end it prints what the route has seen, which proves that the requests were read and not just
/// passed through.
@main
struct Relay: AsyncParsableCommand {
    /// Names the route and the counters only; nothing listens there.
    private static let servicePort = 80

    @Option(help: "The port to listen on, on 127.0.0.1.")
    var port: Int

    @Option(help: "The address of the original.")
    var originalHost = "127.0.0.1"

    @Option(help: "The port of the original.")
    var originalPort: Int

    @Flag(help: "Use channels, as on ports that speak TLS, and not bare sockets.")
    var channels = false

    @Option(help: "Where the access log goes.", completion: .file())
    var log = "/dev/null"

    func run() async throws {
        let descriptor = open(self.log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ValidationError("cannot write the access log to \(self.log)") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let sockets = self.channels ? nil : try SocketLoopGroup(numberOfLoops: 1)
        let metrics = ProxyMetrics()
        let log = AccessLog(descriptor: descriptor, metrics: metrics)
        let routes = try self.routes()
        let listener = InterceptListener(
            configuration: ListenerConfiguration(
                host: "127.0.0.1",
                port: self.port,
                servicePort: Self.servicePort,
                original: try SocketAddress(ipAddress: self.originalHost, port: self.originalPort)
            ),
            group: group,
            sockets: sockets,
            routes: routes,
            metrics: metrics,
            accessLog: log,
            logger: Logger(label: "relay") { StreamLogHandler.standardError(label: $0) }
        )
        // Trapped before it listens: whoever sees the port open may end it.
        let interruptions = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await listener.start()
        for await _ in interruptions { break }
        await listener.stopAccepting()
        listener.closeAll()
        await sockets?.end()
        try await group.shutdownGracefully()
        await log.close()
        close(descriptor)
        for route in routes.counts() { print("seen \(route.seen) matched \(route.matched)") }
    }

    private func routes() throws -> RouteTable {
        let routes = RouteTable()
        let match = try RequestMatch(headers: [HeaderMatch(name: "x-bench-user", value: "alice")])
        // No socket is there, and none is needed: the load never carries the header.
        let route = Route(id: "alice", match: match, upstreamPath: "/nonexistent/alice.sock", isUp: true)
        routes.replace(port: Self.servicePort, with: [route])
        return routes
    }
}
