import NIOCore
import NIOPosix
import Synchronization
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("A mirror's stream", .timeLimit(.minutes(5)))
struct MirrorTests {
    /// Takes copies, and holds them until a test lets go.
    private final class Taker: LocalDestination, MirrorTaker {
        private let refuses: Bool
        private let came: AsyncStream<(MirroredExchange?, @Sendable () -> Void)>
        private let coming: AsyncStream<(MirroredExchange?, @Sendable () -> Void)>.Continuation

        init(refuses: Bool = false) {
            self.refuses = refuses
            (self.came, self.coming) = AsyncStream.makeStream()
        }

        func addresses(for header: ProxyHeader) -> [SocketAddress] { [] }
        func scheme(for header: ProxyHeader) -> LocalScheme { .plain }
        func became(_ outcome: LocalOutcome, _ header: ProxyHeader) {}
        func taker(for header: ProxyHeader) -> (any MirrorTaker)? { self.refuses ? nil : self }
        func take(_ exchange: MirroredExchange, done: @escaping @Sendable () -> Void) {
            self.coming.yield((exchange, done))
        }
        func abandoned() { self.coming.yield((nil, {})) }

        /// The next copy, or nil for one that did not come.
        func next() async throws -> (exchange: MirroredExchange?, done: @Sendable () -> Void) {
            for await next in self.came { return next }
            throw CancellationError()
        }
    }

    private static func header() -> [UInt8] {
        var header = ProxyHeader(source: nil, destination: nil, route: "leaf", servicePort: 80)
        header.isMirror = true
        return Array(header.encoded().readableBytesView)
    }

    private static func bytes(_ records: [MirrorRecord]) -> [UInt8] {
        records.flatMap(\.pieces).flatMap { Array($0.readableBytesView) }
    }

    private static func open(_ fixture: TunnelFixture) throws -> PosixSocket {
        let socket = try PosixSocket.connect(path: fixture.socketPath("leaf"))
        try socket.write(Self.header())
        return socket
    }

    @Test("is taken at once, told when its records have come, and ended when the comparison is over")
    func whole() async throws {
        let fixture = try await TunnelFixture.start()
        let taker = Taker()
        let tunnel = try await fixture.connect(taking: taker)
        let socket = try Self.open(fixture)
        #expect(try await onThread { try socket.read(1) } == [0x06])
        let response = ByteBuffer(repeating: 7, count: MirroredExchange.longest)
        let bytes = Self.bytes([
            .missed(.busy, count: 2), .request(ByteBuffer(string: "q")), .response(response), .end,
        ])
        try await onThread { try socket.write(bytes) }
        let next = try await taker.next()
        let exchange = try #require(next.exchange)
        #expect(exchange.missed == [.busy: 2] && exchange.response == response)
        #expect(try await onThread { try socket.read(1) } == [0x06])
        next.done()
        #expect(try await onThread { try socket.read(1) } == [])
        socket.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("that is refused, cut short, or longer than copies are is over, and nothing is compared")
    func refused() async throws {
        let fixture = try await TunnelFixture.start()
        let refusing = try await fixture.connect(taking: Taker(refuses: true))
        let socket = try Self.open(fixture)
        #expect(try await onThread { try socket.read(1) } == [])
        socket.close()
        await refusing.close()

        let taker = Taker()
        let tunnel = try await fixture.connect(epoch: 2, taking: taker)
        let short = try Self.open(fixture)
        #expect(try await onThread { try short.read(1) } == [0x06])
        try short.write(Self.bytes([.request(ByteBuffer(string: "q"))]))
        short.close()
        #expect(try await taker.next().exchange == nil)

        let long = try Self.open(fixture)
        #expect(try await onThread { try long.read(1) } == [0x06])
        try long.write([1, 0xff, 0, 0, 0])
        #expect(try await taker.next().exchange == nil)
        #expect(try await onThread { try long.read(1) } == [])
        long.close()
        await tunnel.close()
        await fixture.stop()
    }
}
