import Foundation
import Testing
import Tunnel

@testable import TunnelTransport

@Suite("A slow end slows itself only", .timeLimit(.minutes(5)))
struct StallTests {
    private static let total = 24 * 1024 * 1024
    private static let piece = [UInt8](repeating: 9, count: 64 * 1024)

    enum Direction: CaseIterable {
        case up
        case down
    }

    private static func pour(into socket: PosixSocket, _ sent: Outcome) throws {
        for _ in 0..<Self.total / Self.piece.count {
            try socket.write(Self.piece)
            sent.add(Int32(Self.piece.count))
        }
        socket.shutdownOutput()
    }

    private static func drain(_ socket: PosixSocket) throws -> Int {
        var count = 0
        while true {
            let bytes = try socket.read()
            if bytes.isEmpty { return count }
            count += bytes.count
        }
    }

    /// First byte 0: the long transfer; anything else is echoed.
    private func service(_ direction: Direction, _ gate: Gate, _ sent: Outcome, _ read: Outcome) throws -> PosixServer {
        try PosixServer { socket in
            defer { socket.close() }
            guard let first = try? socket.read(1) else { return }
            guard first == [0] else { return (try? socket.write(first)) ?? () }
            switch direction {
            case .up:
                gate.wait()
                read.set(Int32((try? Self.drain(socket)) ?? -1))
            case .down:
                try? Self.pour(into: socket, sent)
            }
        }
    }

    @Test(
        "A stalled reader holds one window and the kernel's buffers, and the others go on",
        arguments: Direction.allCases
    )
    func stalledReader(_ direction: Direction) async throws {
        let fixture = try await TunnelFixture.start()
        let (gate, sent, read) = (Gate(), Outcome(), Outcome())
        let service = try self.service(direction, gate, sent, read)
        let tunnel = try await fixture.connect(port: service.port)
        async let transfer: Void = onThread {
            let socket = try fixture.open()
            defer { socket.close() }
            try socket.write([0])
            switch direction {
            case .up:
                try Self.pour(into: socket, sent)
                #expect(try Self.drain(socket) == 0)
            case .down:
                gate.wait()
                read.set(Int32(try Self.drain(socket)))
            }
        }
        // The writer must come to a stop; the streams beside it tell when it has.
        var before: Int32 = -1
        while sent.value ?? 0 == 0 || sent.value != before {
            before = sent.value ?? 0
            let answer = try await onThread {
                let socket = try fixture.open()
                defer { socket.close() }
                try socket.write([5])
                return try socket.readToEnd()
            }
            #expect(answer == [5])
        }
        // One window, and what the kernel holds at two sockets.
        #expect(sent.value ?? 0 < 12 * 1024 * 1024)
        gate.open()
        try await transfer
        await waitUntil("all of it was read") { read.value != nil }
        #expect(read.value == Int32(Self.total))
        service.close()
        await tunnel.close()
        await fixture.stop()
    }

    @Test("Resets in the middle, from either side, disturb no neighbour")
    func churn() async throws {
        let fixture = try await TunnelFixture.start()
        let exchange = try ExchangeService()
        let breaker = try PosixServer { socket in
            // Takes a little of what comes and breaks off.
            _ = try? socket.read(100)
            socket.reset()
        }
        let tunnel = try await fixture.connect(port: exchange.port)
        let breaking = try await fixture.connect(route: "core", port: breaker.port)
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<120 {
                group.addTask {
                    try await onThread {
                        let socket = try fixture.open(number % 3 == 1 ? "core" : "leaf")
                        defer { socket.close() }
                        switch number % 3 {
                        case 0:
                            let order = ExchangeService.Order.allCases[number % 9 / 3]
                            return try Exchange.run(socket, number: number, up: 200_000, down: 300_000, order: order)
                        case 1:
                            try? Self.pour(into: socket, Outcome())
                            return (try? Self.drain(socket)) ?? 0 == 0
                        default:
                            // Asks for much, reads a little, goes away.
                            try socket.write([0, 0, 0, 1, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 1])
                            return try socket.readExactly(1_000).count == 1_000
                        }
                    }
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(right == 120)
        await waitUntil("no stream left") { await tunnel.counters.openStreams == 0 }
        await waitUntil("no broken stream left") { await breaking.counters.openStreams == 0 }
        #expect(await fixture.server.routes().map(\.counters.openStreams) == [0, 0])
        exchange.close()
        breaker.close()
        await tunnel.close()
        await breaking.close()
        await fixture.stop()
    }
}
