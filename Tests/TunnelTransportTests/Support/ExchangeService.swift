import Foundation
import Synchronization

/// A local service that checks what it is sent and sends what can be checked, in every order of half-closes.
///
/// A connection begins with sixteen bytes: number, bytes up, bytes down, order (each big endian).
final class ExchangeService: Sendable {
    enum Order: UInt32, CaseIterable, Sendable {
        /// The client says all and finishes; then the service answers.
        case clientFirst
        /// The service says all and finishes; then the client speaks.
        case serviceFirst
        /// Both at once.
        case together
    }

    /// Connections whose upload was exactly right.
    let verified = Mutex<Set<Int>>([])
    private let server: Mutex<PosixServer?> = Mutex(nil)

    var port: Int { self.server.withLock { $0?.port ?? 0 } }

    init() throws {
        let server = try PosixServer { [weak self] socket in
            defer { socket.close() }
            try? self?.serve(socket)
        }
        self.server.withLock { $0 = server }
    }

    func close() {
        self.server.withLock { $0?.close() }
    }

    private func serve(_ socket: PosixSocket) throws {
        let head = try socket.readExactly(16)
        let numbers = stride(from: 0, to: 16, by: 4).map { start in
            head[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        let order = Order(rawValue: UInt32(numbers[3])) ?? .together
        let (number, up, down) = (numbers[0], numbers[1], numbers[2])
        switch order {
        case .clientFirst:
            try self.check(socket, number, up)
            try Exchange.send(socket, pattern: number + 1, count: down)
        case .serviceFirst:
            try Exchange.send(socket, pattern: number + 1, count: down)
            try self.check(socket, number, up)
        case .together:
            let group = DispatchGroup()
            group.enter()
            Thread.detachNewThread {
                try? Exchange.send(socket, pattern: number + 1, count: down)
                group.leave()
            }
            defer { group.wait() }
            try self.check(socket, number, up)
        }
    }

    private func check(_ socket: PosixSocket, _ number: Int, _ count: Int) throws {
        if try Exchange.receive(socket, pattern: number, count: count) {
            self.verified.withLock { _ = $0.insert(number) }
        }
    }
}

/// The client's side of `ExchangeService`, and what both share.
enum Exchange {
    /// Runs one exchange; true when what came down was exactly right and ended.
    static func run(_ socket: PosixSocket, number: Int, up: Int, down: Int, order: ExchangeService.Order) throws -> Bool
    {
        var head: [UInt8] = []
        for value in [number, up, down, Int(order.rawValue)] {
            head += [UInt8(value >> 24 & 255), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
        }
        try socket.write(head)
        switch order {
        case .clientFirst:
            try Self.send(socket, pattern: number, count: up)
            return try Self.receive(socket, pattern: number + 1, count: down)
        case .serviceFirst:
            let isRight = try Self.receive(socket, pattern: number + 1, count: down)
            try Self.send(socket, pattern: number, count: up)
            return isRight
        case .together:
            let group = DispatchGroup()
            group.enter()
            Thread.detachNewThread {
                try? Self.send(socket, pattern: number, count: up)
                group.leave()
            }
            defer { group.wait() }
            return try Self.receive(socket, pattern: number + 1, count: down)
        }
    }

    static func send(_ socket: PosixSocket, pattern: Int, count: Int) throws {
        var pattern = Pattern(pattern)
        var left = count
        while left > 0 {
            let piece = min(left, 1 + (left &* 31) % 100_000)
            try socket.write(pattern.next(piece))
            left -= piece
        }
        socket.shutdownOutput()
    }

    static func receive(_ socket: PosixSocket, pattern: Int, count: Int) throws -> Bool {
        var pattern = Pattern(pattern)
        var left = count
        while true {
            let bytes = try socket.read()
            if bytes.isEmpty { return left == 0 }
            guard bytes.count <= left, bytes == pattern.next(bytes.count) else { return false }
            left -= bytes.count
        }
    }
}
