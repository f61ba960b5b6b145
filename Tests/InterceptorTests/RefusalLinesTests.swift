import Testing
import Tunnel

@testable import Interceptor

@Suite("Lines about tunnels that were refused")
struct RefusalLinesTests {
    @Test("So many of each kind are written in a minute, and the next line says how many were left out")
    func limit() {
        var lines = RefusalLines()
        func next(_ code: TunnelError.Code, at second: Int) -> Int? { lines.next(code, now: .seconds(second)) }
        #expect((0..<8).map { next(.handshakeFailed, at: 100 + $0) } == [0, 0, 0, 0, 0, nil, nil, nil])
        #expect(next(.timeout, at: 108) == 0)
        #expect(next(.handshakeFailed, at: 159) == nil)
        #expect((0..<6).map { next(.handshakeFailed, at: 160 + $0) } == [4, 0, 0, 0, 0, nil])
        #expect(next(.handshakeFailed, at: 1_000) == 1)
    }
}
