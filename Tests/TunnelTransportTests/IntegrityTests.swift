import Foundation
import Synchronization
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("What goes through a tunnel comes out whole", .timeLimit(.minutes(10)))
struct IntegrityTests {
    @Test("One exchange in each order of half-closes", arguments: ExchangeService.Order.allCases)
    func oneExchange(_ order: ExchangeService.Order) async throws {
        let fixture = try await TunnelFixture.start()
        let service = try ExchangeService()
        let tunnel = try await fixture.connect(port: service.port)
        for (number, size) in [0, 1, 4_095, 4_097, 65_524, 65_525, 300_000, 5_000_000].enumerated() {
            let isRight = try await onThread {
                let socket = try fixture.open()
                defer { socket.close() }
                return try Exchange.run(socket, number: number * 10, up: size, down: size + 3, order: order)
            }
            #expect(isRight, "\(size) bytes down")
            await waitUntil("\(size) bytes up verified") { service.verified.withLock { $0.contains(number * 10) } }
        }
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("Two hundred exchanges at once, sizes and orders at random", arguments: [1, 2, 3] as [UInt64])
    func parallel(_ seed: UInt64) async throws {
        let fixture = try await TunnelFixture.start()
        let service = try ExchangeService()
        let tunnel = try await fixture.connect(port: service.port)
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    try await onThread {
                        var generator = SplitMix(seed, number)
                        let socket = try fixture.open()
                        defer { socket.close() }
                        return try Exchange.run(
                            socket,
                            number: number * 10,
                            up: generator.size(),
                            down: generator.size(),
                            order: ExchangeService.Order.allCases[number % 3]
                        )
                    }
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(right == 200)
        await waitUntil("all uploads verified") { service.verified.withLock { $0.count } == 200 }
        await waitUntil("no stream left") { await tunnel.counters.openStreams == 0 }
        #expect(await tunnel.counters.streams == 200)
        let status = await fixture.server.routes()
        #expect(status.map(\.counters.openStreams) == [0])
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("Ten thousand streams, one after another, leave nothing behind", .timeLimit(.minutes(10)))
    func sequential() async throws {
        let fixture = try await TunnelFixture.start()
        let service = try PosixServer { socket in
            defer { socket.close() }
            while let bytes = try? socket.read(), !bytes.isEmpty { try? socket.write(bytes) }
        }
        let tunnel = try await fixture.connect(port: service.port)
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    try await onThread {
                        var wrong = 0
                        for index in 0..<2_500 {
                            let socket = try fixture.open()
                            defer { socket.close() }
                            let said = Array("\(worker):\(index)".utf8)
                            try socket.write(said)
                            socket.shutdownOutput()
                            if try socket.readToEnd() != said { wrong += 1 }
                        }
                        return wrong
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(await tunnel.counters.streams == 10_000)
        await waitUntil("no stream left") { await tunnel.counters.openStreams == 0 }
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("The laptop's service sees the header's route and port, never the header itself")
    func header() async throws {
        let fixture = try await TunnelFixture.start()
        let service = try PosixServer { socket in
            defer { socket.close() }
            _ = try? socket.write(Array("hi:".utf8) + socket.read())
        }
        let tunnel = try await fixture.connect(port: service.port)
        let answer = try await onThread {
            let socket = try fixture.open()
            defer { socket.close() }
            try socket.write(Array("first".utf8))
            return try socket.readToEnd()
        }
        #expect(String(decoding: answer, as: UTF8.self) == "hi:first")
        service.close()
        await tunnel.close()
        await fixture.stop()
    }
}

struct SplitMix {
    private var state: UInt64

    init(_ seed: UInt64, _ stream: Int) {
        self.state = seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(stream) &* 0xbf58_476d_1ce4_e5b9
    }

    /// Mostly small, sometimes a few windows.
    mutating func size() -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let bits = Int(self.state >> 33)
        return bits % 10 == 0 ? bits % 3_000_000 : bits % 70_000
    }
}

/// Looks again and again, yielding in between, for what another thread is about to do; the test's time limit ends it.
func waitUntil(_ what: Comment, _ isTrue: @Sendable () async -> Bool) async {
    while !(await isTrue()) {
        await Task.yield()
        if Task.isCancelled {
            Issue.record(what)
            return
        }
    }
}
