import GatewayCore
import HTTPWire
import ProxyCore
import Testing

private let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
private let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"

@Suite("When a gateway sends a request once more")
struct RetryTests {
    /// A connection whose requests may be sent again after 503, or a reset.
    private func relay(
        _ connections: Relay.Connection...,
        attempts: Int = 3,
        isForResets: Bool = false
    ) -> Relay {
        var relay = Relay(attempts: attempts)
        relay.connections = connections
        var rule = RetryRule()
        rule.statuses = [503]
        rule.isForResets = isForResets
        relay.machine.retry = rule
        return relay
    }

    @Test("an answer that the rule names goes to nobody, and the request to another server")
    func again() {
        var relay = self.relay(.new, .new)
        relay.client(get)
        relay.upstream(busy)
        #expect(relay.toClient == "")
        #expect(relay.toUpstream == get + get)
        #expect(relay.deeds == ["acquire", "keep", "acquire fresh"])
        #expect(relay.machine.verdict == .none)
        relay.upstream(ok)
        #expect(relay.toClient == ok)
        #expect(relay.machine.verdict == .answered(200))
        #expect(relay.notes.map(\.retries) == [1])
        #expect(relay.notes.map(\.status) == [200])
        // The next one begins anew.
        relay.connections = [.reused]
        relay.client(get)
        relay.upstream(ok)
        #expect(relay.toClient == ok + ok)
    }

    @Test("the last try's answer is passed on, whatever it is")
    func last() {
        var relay = self.relay(.new, .new, .new)
        relay.client(get)
        relay.upstream(busy)
        relay.upstream(busy)
        #expect(relay.toClient == "")
        relay.upstream(busy)
        #expect(relay.toClient == busy)
        #expect(relay.toUpstream == get + get + get)
        #expect(relay.notes.map(\.retries) == [2])
    }

    @Test(
        "an answer that has not come whole, or that comes with more, leaves no connection behind",
        arguments: [
            "HTTP/1.1 503 x\r\ncontent-length: 9\r\n\r\nbu", busy + "HTTP/1.1", "HTTP/1.1 503 x\r\n\r\nuntil the end",
            "HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 503 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ]
    )
    func cut(answer: String) {
        var relay = self.relay(.new, .new)
        relay.client(get)
        relay.upstream(answer)
        #expect(relay.deeds == ["acquire", "drop", "acquire fresh"])
        relay.upstream(ok)
        #expect(relay.toClient == ok)
    }

    @Test(
        "what is not idempotent, or has a body, is never sent again",
        arguments: [
            "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", "PATCH /a HTTP/1.1\r\nhost: x\r\n\r\n",
            "PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc",
        ]
    )
    func unsafe(request: String) {
        var relay = self.relay(.new, .new, isForResets: true)
        relay.client(request)
        relay.upstream(busy)
        #expect(relay.toClient.hasPrefix("HTTP/1.1 503 Service Unavailable"))
        #expect(relay.toUpstream == request)
        var reset = self.relay(.new, .new, isForResets: true)
        reset.client(request)
        reset.tell { $0.upstreamReset() }
        #expect(reset.toClient.hasPrefix("HTTP/1.1 502 "))
        #expect(reset.toUpstream == request)
    }

    @Test(
        "a connection that ends in place of an answer is a case only where the rule says so",
        arguments: [true, false]
    )
    func reset(isForResets: Bool) {
        var relay = self.relay(.new, .new, isForResets: isForResets)
        relay.client(get)
        relay.upstream("HTTP/1.1 200 O")
        relay.tell { $0.upstreamReset() }
        #expect(relay.toUpstream == (isForResets ? get + get : get))
        if isForResets {
            relay.upstream(ok)
            #expect(relay.toClient == ok)
        } else {
            #expect(relay.toClient.hasPrefix("HTTP/1.1 502 "))
            #expect(relay.machine.verdict == .failed)
        }
    }

    @Test("what has begun to reach the client is not sent again")
    func begun() {
        var relay = self.relay(.new, .new, isForResets: true)
        relay.client(get)
        relay.upstream("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")
        relay.tell { $0.upstreamReset() }
        #expect(relay.toUpstream == get)
        #expect(relay.deeds.last == "close")
        #expect(relay.machine.verdict == .failed)
    }

    @Test("without a rule every answer is passed on")
    func none() {
        var relay = Relay(.new)
        relay.client(get)
        relay.upstream(busy)
        #expect(relay.toClient == busy)
        #expect(relay.machine.verdict == .answered(503))
    }

    @Test("tries in vain count, too, and after the last of them the answer is ours")
    func unreachable() {
        var relay = self.relay(.new, .refused, .refused)
        relay.client(get)
        relay.upstream(busy)
        #expect(relay.toClient.hasPrefix("HTTP/1.1 503 "))
        #expect(relay.toClient.contains("upstream-unreachable"))
    }

    @Test("a server that is lost before the request has been sent once more costs it no more than a try")
    func lostAgain() {
        var relay = self.relay(.new, .new, .new)
        relay.client(get)
        relay.upstream(busy)
        relay.tell { $0.upstreamEnded() }
        #expect(relay.toClient.hasPrefix("HTTP/1.1 502 "))
    }

    @Test("a cluster that is full is not asked")
    func full() {
        var relay = Relay(.full, .new)
        relay.client(get)
        #expect(relay.toUpstream == "")
        #expect(relay.toClient.hasPrefix("HTTP/1.1 503 "))
        #expect(relay.toClient.contains("x-detour-reason: cluster-full\r\n"))
        #expect(relay.notes.map(\.flags) == [.upstreamOverflow])
        relay.client(get)
        relay.upstream(ok)
        #expect(relay.toClient.hasSuffix(ok))
    }

    @Test("a used connection that ends before anything was sent on it costs nothing: the request is sent, not repeated")
    func unsent() {
        var machine = ForwardMachine()
        func step(_ side: ForwardSide, _ text: String) -> ForwardAction {
            Array(text.utf8).withUnsafeBytes { machine.step(side, ByteView($0)) }
        }
        #expect(step(.client, get) == .route)
        machine.routed(isTaken: true)
        #expect(step(.client, get) == .acquire(fresh: false))
        machine.acquired(isReused: true)
        machine.upstreamEnded()
        #expect(step(.upstream, "") == .release(keep: false))
        #expect(step(.upstream, "") == .acquire(fresh: true))
        machine.acquired(isReused: false)
        #expect(step(.client, get) == .sendRequest(head: get.utf8.count, total: get.utf8.count, keep: false))
    }
}
