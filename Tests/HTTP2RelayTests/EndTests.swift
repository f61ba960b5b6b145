import HTTP2Wire
import NIOCore
import ProxyCore
import Testing

@testable import HTTP2Relay

@Suite("The end of an HTTP/2 connection")
struct EndTests {
    @Test("comes although a response waits for room that a client which has ended cannot give any more")
    func stuckResponse() {
        var rig = Rig(client: [Setting(.initialWindowSize, 0)])
        rig.request(1, .request())
        rig.headers(.original, 1, [":status": "200"], end: false)
        rig.data(.original, 1, Array("for nobody".utf8), end: true)
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions().contains(.finish(.original)))
        rig.relay.ended(.original)
        rig.run()
        #expect(rig.takeActions().contains(.finish(.client)))
        #expect(!rig.relay.isBusy)
    }

    @Test("does not cut a response that came whole before the original reset its stream")
    func detachedResponse() {
        var rig = Rig(client: [Setting(.initialWindowSize, 5)])
        rig.request(1, .request(method: "POST"), end: false)
        rig.request(3, .request())
        rig.headers(.original, 1, [":status": "413"], end: false)
        rig.data(.original, 1, Array("too large".utf8), end: true)
        rig.reset(.original, 1, .noError)
        _ = rig.take(.client)
        rig.relay.ended(.original)
        rig.run()
        #expect(!rig.takeActions().contains(.finish(.client)))
        rig.window(.client, 1, 100)
        let rest = rig.take(.client, [.data])
        #expect(rest.map(\.text) == ["arge"])
        #expect(rig.takeActions().contains(.finish(.client)))
    }

    @Test("reaches the original before a diverted request comes back: that one is refused, not lost")
    func fallback() {
        var rig = Rig()
        rig.request(1, .request(user: "alice"))
        rig.acceptLaptop()
        _ = rig.take(.client)
        rig.relay.ended(.client)
        rig.run()
        #expect(rig.takeActions().contains(.finish(.original)))
        rig.relay.laptopFailed(0, .tunnelReset)
        rig.run()
        #expect(rig.take(.client).map(\.type) == [.resetStream])
        #expect(rig.take(.original).isEmpty)
    }
}
