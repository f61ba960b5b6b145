import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Tunnel

@testable import TunnelTransport

/// A server, its route table and its events, on real loopback sockets.
final class TunnelFixture: Sendable {
    static let session = String(repeating: "5e551041", count: 5)

    struct Settings: Sendable {
        /// Patient, so that a busy machine fails no test that is about something else.
        var timing = Self.patient
        var limits = YamuxLimits()
        var welcome: [String: String] = ["server": "test"]
        var mostStrangers = 64

        private static let patient: TunnelTiming = {
            var timing = TunnelTiming()
            timing.handshake = .seconds(30)
            timing.preamble = .seconds(30)
            timing.acknowledgement = .seconds(30)
            timing.missedPings = 30
            return timing
        }()
    }

    let group: MultiThreadedEventLoopGroup
    let server: TunnelServer
    let serverIdentity: TunnelIdentity
    let laptop: TunnelIdentity
    let directory: URL
    let events: EventLog
    let allowed: Mutex<Set<String>>
    let settings: Settings

    static func start(_ settings: Settings = .init()) async throws -> TunnelFixture {
        let identity = try TunnelIdentity()
        let laptop = try TunnelIdentity()
        let directory = URL(filePath: "/tmp/detour-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return try await TunnelFixture(settings, identity, laptop, directory)
    }

    private init(
        _ settings: Settings,
        _ identity: TunnelIdentity,
        _ laptop: TunnelIdentity,
        _ directory: URL
    ) async throws {
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        self.serverIdentity = identity
        self.laptop = laptop
        self.directory = directory
        self.settings = settings
        let events = EventLog()
        self.events = events
        self.allowed = Mutex([laptop.fingerprint])
        let box = WeakFixture()
        var configuration = TunnelServer.Configuration(
            identity: identity,
            isAllowed: { box.fixture?.isAllowed($0) ?? false },
            admit: { hello, fingerprint in
                guard constantTimeEquals(hello.session, Self.session) else { return .refuse(reason: "no such session") }
                return .accept(socketPath: directory.path + "/" + hello.route, welcome: settings.welcome)
            },
            onEvent: { events.append($0) }
        )
        configuration.timing = settings.timing
        configuration.limits = settings.limits
        configuration.mostStrangers = settings.mostStrangers
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.server = try await TunnelServer.bind(
            host: "127.0.0.1",
            port: 0,
            group: self.group,
            configuration: configuration,
            logger: logger
        )
        box.set(self)
    }

    private func isAllowed(_ fingerprint: String) -> Bool {
        self.allowed.withLock { $0.contains { constantTimeEquals($0, fingerprint) } }
    }

    func socketPath(_ route: String) -> String { self.directory.path + "/" + route }

    func dial(_ port: Int? = nil) async throws -> any Channel {
        try await ClientBootstrap(group: self.group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: "127.0.0.1", port: port ?? self.server.port).get()
    }

    /// A tunnel of `route` whose streams go to the local `port` (0: nowhere).
    func connect(
        route: String = "leaf",
        port: Int = 0,
        epoch: UInt64 = 1,
        session: String = TunnelFixture.session,
        identity: TunnelIdentity? = nil,
        serverFingerprint: String? = nil,
        destination: FixedDestination? = nil,
        taking taker: (any LocalDestination)? = nil,
        over channel: (any Channel)? = nil
    ) async throws -> TunnelConnection {
        var configuration = TunnelClient.Configuration(
            identity: identity ?? self.laptop,
            serverFingerprint: serverFingerprint ?? self.serverIdentity.fingerprint,
            hello: TunnelHello(route: route, session: session, epoch: epoch, version: "test"),
            destination: taker ?? destination ?? FixedDestination(ports: port == 0 ? [] : [("127.0.0.1", port)])
        )
        configuration.timing = self.settings.timing
        configuration.limits = self.settings.limits
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let channel = if let channel { channel } else { try await self.dial() }
        return try await TunnelClient.connect(over: channel, configuration: configuration, logger: logger)
    }

    /// A connection to a route's socket that has sent its header and got its acknowledgement.
    func open(_ route: String = "leaf", speaking applicationProtocol: String? = nil) throws -> PosixSocket {
        let socket = try PosixSocket.connect(path: self.socketPath(route))
        try socket.write(Self.header(route, speaking: applicationProtocol))
        let answer = try socket.read(1)
        guard answer == [0x06] else {
            socket.close()
            throw SocketFailure(call: "acknowledgement", code: 0)
        }
        return socket
    }

    static func header(_ route: String, speaking applicationProtocol: String? = nil) -> [UInt8] {
        var header = ProxyHeader(
            source: ProxyEndpoint(address: [192, 0, 2, 1], port: 4711),
            destination: ProxyEndpoint(address: [192, 0, 2, 2], port: 80),
            route: route,
            servicePort: 80
        )
        header.applicationProtocol = applicationProtocol
        return Array(header.encoded().readableBytesView)
    }

    func stop() async {
        await self.server.close()
        try? await self.group.shutdownGracefully()
        try? FileManager.default.removeItem(at: self.directory)
    }
}

private final class WeakFixture: Sendable {
    private let box = Mutex<Box>(Box())

    private struct Box: Sendable {
        weak var fixture: TunnelFixture?
    }

    var fixture: TunnelFixture? { self.box.withLock { $0.fixture } }

    func set(_ fixture: TunnelFixture) {
        self.box.withLock { $0.fixture = fixture }
    }
}

/// What a server reported, to be waited for.
final class EventLog: Sendable {
    private struct State {
        var events: [TunnelServerEvent] = []
        var waiters:
            [(matches: @Sendable (TunnelServerEvent) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var all: [TunnelServerEvent] { self.state.withLock { $0.events } }

    func append(_ event: TunnelServerEvent) {
        let ready = self.state.withLock { state in
            state.events.append(event)
            let ready = state.waiters.filter { $0.matches(event) }
            state.waiters.removeAll { $0.matches(event) }
            return ready.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    /// Returns when an event that matches has happened, now or before.
    func wait(_ matches: @escaping @Sendable (TunnelServerEvent) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if state.events.contains(where: matches) { return true }
                state.waiters.append((matches, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
