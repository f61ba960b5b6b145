import Foundation

#if canImport(Glibc)
    import Glibc
#endif

struct SocketFailure: Error {
    var call: String
    var code: Int32
}

/// A blocking stream socket with the exact semantics tests need; every wait ends after forty seconds.
final class PosixSocket: Sendable {
    let descriptor: Int32

    init(adopting descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 40, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    }

    static func tcp() throws -> Int32 { try self.check("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)) }

    /// The bytes of a `sockaddr_in` (ip(7)), by hand: which module declares the struct is not the same in every build.
    static func loopback(_ port: UInt16) -> [UInt8] {
        withUnsafeBytes(of: sa_family_t(AF_INET)) { Array($0) }
            + [UInt8(port >> 8), UInt8(port & 0xff), 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    }

    static func connect(port: Int) throws -> PosixSocket {
        let descriptor = try Self.tcp()
        var address = Self.loopback(UInt16(port))
        let length = socklen_t(address.count)
        let code = address.withUnsafeMutableBytes {
            Glibc.connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, length)
        }
        try Self.check("connect", code)
        return PosixSocket(adopting: descriptor)
    }

    static func connect(path: String) throws -> PosixSocket {
        let descriptor = try Self.check("socket", socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else {
            let failure = errno
            Glibc.close(descriptor)
            throw SocketFailure(call: "connect", code: failure)
        }
        return PosixSocket(adopting: descriptor)
    }

    /// Bytes that arrive next, at most `count`; empty at the end.
    func read(_ count: Int = 65_536) throws -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            let got = Glibc.read(self.descriptor, buffer.baseAddress, count)
            if got < 0 { failure = errno }
            length = max(0, got)
        }
        guard failure == 0 else { throw SocketFailure(call: "read", code: failure) }
        return bytes
    }

    func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try self.read(count - bytes.count)
            guard !more.isEmpty else { throw SocketFailure(call: "read: unexpected end", code: 0) }
            bytes += more
        }
        return bytes
    }

    func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try self.read()
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    func write(_ bytes: some Collection<UInt8>) throws {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(self.descriptor, buffer.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            try Self.check("send", Int32(truncatingIfNeeded: count))
            sent += count
        }
    }

    func shutdownOutput() {
        shutdown(self.descriptor, Int32(SHUT_WR))
    }

    func close() {
        Glibc.close(self.descriptor)
    }

    /// Wakes whoever waits on this socket, at both ends; the next close resets it.
    func breakOff() {
        self.lingerNot()
        shutdown(self.descriptor, Int32(SHUT_RDWR))
    }

    /// Closes so that the peer sees a reset (TCP only).
    func reset() {
        self.lingerNot()
        self.close()
    }

    private func lingerNot() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    @discardableResult
    static func check(_ call: String, _ result: Int32) throws -> Int32 {
        guard result >= 0 else { throw SocketFailure(call: call, code: errno) }
        return result
    }
}

/// A TCP listener on a free port; each connection runs `serve` on a thread of its own.
final class PosixServer: Sendable {
    let descriptor: Int32
    let port: Int

    init(_ serve: @escaping @Sendable (PosixSocket) -> Void) throws {
        let descriptor = try PosixSocket.tcp()
        var address = PosixSocket.loopback(0)
        var length = socklen_t(address.count)
        let code = address.withUnsafeMutableBytes {
            let pointer = $0.assumingMemoryBound(to: sockaddr.self).baseAddress
            return bind(descriptor, pointer, length) | listen(descriptor, 4096)
                | getsockname(descriptor, pointer, &length)
        }
        try PosixSocket.check("bind", code)
        self.descriptor = descriptor
        self.port = Int(address[2]) << 8 | Int(address[3])
        Thread.detachNewThread {
            while true {
                let accepted = accept(descriptor, nil, nil)
                // Closed here and not in `close`: the number must not be another test's while this thread uses it.
                guard accepted >= 0 else { return _ = Glibc.close(descriptor) }
                let socket = PosixSocket(adopting: accepted)
                Thread.detachNewThread { serve(socket) }
            }
        }
    }

    func close() {
        shutdown(self.descriptor, Int32(SHUT_RDWR))
    }
}

/// Runs blocking work away from the test's own threads.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
}
