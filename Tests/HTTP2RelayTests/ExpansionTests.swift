import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("Fields of which a byte stands for thousands", .timeLimit(.minutes(5)))
struct ExpansionTests {
    /// A field that the table has after the first request, many times in each.
    private func fields(user: String? = nil) -> FieldList {
        var fields = FieldList.request(user: user)
        for _ in 0..<60 { fields.append("x-large", String(repeating: "v", count: 3_900)) }
        return fields
    }

    private func requests(_ count: Int, _ rig: inout Rig) -> [UInt8] {
        (0..<count).flatMap { rig.ends[.client]?.headers(UInt32($0 * 2 + 1), self.fields()) ?? [] }
    }

    /// Lets the relay do what it can without anything leaving; what it then has for the original.
    private func settle(_ relay: inout HTTP2Relay) -> Int {
        while true {
            switch relay.step() {
            case .wait: return relay.takeOutput(.original)?.readableBytes ?? 0
            case .route(let stream, _): relay.routed(stream, .original)
            default: break
            }
        }
    }

    @Test("become no more than has a place, in one read of a client; all of it goes on as the original takes it")
    func brake() {
        // An original that keeps no table must be sent every field in full.
        var rig = Rig(original: [Setting(.headerTableSize, 0)])
        let bytes = self.requests(16, &rig)
        #expect(bytes.count < 32 << 10)
        rig.relay.receive(ByteBuffer(bytes: bytes), from: .client)
        var (parts, total) = (0, 0)
        while case let size = self.settle(&rig.relay), size > 0 {
            #expect(size < Bounds.expansion + Bounds.fieldBlock)
            total += size
            parts += 1
        }
        #expect(rig.relay.streams.count == 16)
        #expect(total > 16 * 230_000)
        #expect(parts > 2)
    }

    @Test("wait while the original's socket takes nothing, and its client's end waits behind them")
    func blocked() {
        var rig = Rig(original: [Setting(.headerTableSize, 0)])
        let bytes = self.requests(12, &rig)
        rig.relay.setWritable(.original, false)
        rig.relay.receive(ByteBuffer(bytes: bytes), from: .client)
        rig.relay.ended(.client)
        rig.run()
        let early = rig.take(.original).count
        #expect(early < 8)
        #expect(rig.takeActions().isEmpty)
        #expect(!rig.relay.wantsBytes(.client))
        #expect(rig.relay.wantsBytes(.original), "it may wait for its own words to be read")
        rig.relay.setWritable(.original, true)
        rig.run()
        #expect(rig.take(.original).count == 12 - early)
        #expect(rig.takeActions() == [.finish(.original)])
    }

    @Test("of an original that is not reading are not answered without end")
    func flood() {
        var rig = Rig()
        rig.relay.setWritable(.original, false)
        var waiting = 0
        while rig.relay.wantsBytes(.original), waiting < 8 << 20 {
            rig.relay.original.outbox.writeRepeatingByte(0, count: 64 << 10)
            waiting += rig.relay.takeOutput(.original)?.readableBytes ?? 0
        }
        #expect((Bounds.expansion..<4 * Bounds.expansion).contains(waiting))
    }

    @Test("of diverted requests are kept up to a bound, and let go with them; the rest goes to the original")
    func kept() {
        var rig = Rig()
        let sizes = (0..<3).map { FieldList.request("/\($0)", user: "alice").size }
        for index in 0..<3 { rig.request(UInt32(index * 2 + 1), .request("/\(index)", user: "alice")) }
        #expect(rig.relay.keptFields == sizes.reduce(0, +))
        rig.reset(.client, 1, .cancel)
        #expect(rig.relay.keptFields == sizes[1] + sizes[2])
        rig.acceptLaptop()
        #expect(rig.relay.keptFields == sizes[1] + sizes[2], "they may have to be sent again")
        rig.headers(.laptop(0), 1, [":status": "200"])
        #expect(rig.relay.keptFields == sizes[2])

        let others = Bounds.keptFields - sizes[2]
        rig.relay.keptFields += others
        rig.request(7, .request("/full", user: "alice"))
        #expect(rig.take(.original).map(\.fields) == [FieldList.request("/full", user: "alice").lines])
        _ = rig.take(.client)
        rig.headers(.original, 1, [":status": "200"])
        #expect(rig.take(.client).first?.fields.last == "x-detour-reason: local-refused")
        rig.relay.laptopFailed(0, .tunnelReset)
        rig.run()
        #expect(rig.take(.original).map(\.fields) == [FieldList.request("/2", user: "alice").lines])
        #expect(rig.relay.keptFields == others)
    }
}
