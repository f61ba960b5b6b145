import Testing

@testable import APIFaults

@Suite("The relay of a faulty proxy")
struct FaultRelayTests {
    private static let patch =
        "PATCH /api/v1/namespaces/shop/services/core HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
    private static let watch = "GET /api/v1/namespaces/shop/pods?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    /// What the outputs come to: bytes joined, the rest in words.
    private struct Seen: Equatable {
        var toServer = ""
        var toClient = ""
        var others: [FaultRelay.Output] = []
    }

    /// A relay, with a fault for each request, and what it has put out.
    private struct Scene {
        var relay = FaultRelay()
        var faults: [Fault?]
        var seen = Seen()
        var requests: [APIRequest] = []

        init(_ faults: Fault?...) { self.faults = faults }

        mutating func client(_ text: String) { self.take(self.relay.clientSent(Array(text.utf8))) }
        mutating func server(_ text: String) { self.take(self.relay.serverSent(Array(text.utf8))) }

        mutating func take(_ outputs: [FaultRelay.Output]) {
            for output in outputs {
                switch output {
                case .decide(let request):
                    self.requests.append(request)
                    self.take(self.relay.decided(self.faults.isEmpty ? nil : self.faults.removeFirst()))
                case .toServer(let bytes): self.seen.toServer += String(decoding: bytes, as: UTF8.self)
                case .toClient(let bytes): self.seen.toClient += String(decoding: bytes, as: UTF8.self)
                default: self.seen.others.append(output)
                }
            }
        }
    }

    @Test("Without a fault bytes pass as they came, in any pieces, request after request")
    func transparent() {
        let requests = Self.patch + Self.watch
        let answers = Self.answer + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        for size in 1...40 {
            var scene = Scene()
            for start in stride(from: 0, to: requests.count, by: size) {
                scene.client(String(requests.dropFirst(start).prefix(size)))
            }
            for start in stride(from: 0, to: answers.count, by: size) {
                scene.server(String(answers.dropFirst(start).prefix(size)))
            }
            #expect(scene.seen == Seen(toServer: requests, toClient: answers))
            #expect(scene.requests.map(\.description) == ["patch services", "watch pods"])
        }
    }

    @Test("A cut comes before the server has seen a byte")
    func cut() {
        var scene = Scene(.cut)
        scene.client(Self.patch)
        #expect(scene.seen == Seen(others: [.reset]))
    }

    @Test("A client that is killed before: nobody sees its request")
    func killedBefore() {
        var scene = Scene(.kill(.before))
        scene.client(Self.patch)
        #expect(scene.seen == Seen(others: [.kill, .reset]))
    }

    @Test("A client that is killed after: the server has all of its request, and has answered all of it")
    func killedAfter() {
        var scene = Scene(.kill(.after))
        scene.client(Self.patch)
        scene.server(String(Self.answer.dropLast()))
        #expect(scene.seen == Seen(toServer: Self.patch))
        scene.server(String(Self.answer.suffix(1)))
        #expect(scene.seen == Seen(toServer: Self.patch, others: [.kill, .reset]))
    }

    @Test("A client that is killed after it was answered a watch or an upgrade: the head is enough")
    func killedInStream() {
        for (request, head) in [
            (Self.watch, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ("GET /api/v1/namespaces/shop/pods/a/portforward HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n"),
        ] {
            var scene = Scene(.kill(.after))
            scene.client(request)
            #expect(scene.seen == Seen(toServer: request))
            scene.server(head)
            #expect(scene.seen == Seen(toServer: request, others: [.kill, .reset]))
        }
    }

    @Test("Somebody else is struck before: the server sees the request afterwards, and all is answered")
    func struckBefore() {
        var scene = Scene(.strike(.before))
        scene.client(Self.patch)
        #expect(scene.seen == Seen(others: [.strike]))
        scene.take(scene.relay.waited())
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: Self.patch, toClient: Self.answer, others: [.strike]))
    }

    @Test("Somebody else is struck after: the answer waits for that, also when the server has ended behind it")
    func struckAfter() {
        for ends in [false, true] {
            var scene = Scene(.strike(.after))
            scene.client(Self.patch)
            scene.server(Self.answer)
            if ends { scene.take(scene.relay.serverEnded()) }
            #expect(scene.seen == Seen(toServer: Self.patch, others: [.strike]))
            scene.take(scene.relay.waited())
            let others: [FaultRelay.Output] = ends ? [.strike, .close] : [.strike]
            #expect(scene.seen == Seen(toServer: Self.patch, toClient: Self.answer, others: others))
            guard !ends else { continue }
            scene.client(Self.patch)
            #expect(scene.seen.toServer == Self.patch + Self.patch)
        }
    }

    @Test("Somebody else is struck after an upgrade: what both sides say meanwhile waits too")
    func struckInStream() {
        var scene = Scene(.strike(.after))
        let request = "GET /api/v1/namespaces/shop/pods/a/portforward HTTP/1.1\r\nHost: a\r\n\r\n"
        let head = "HTTP/1.1 101 X\r\n\r\n"
        scene.client(request)
        scene.server(head)
        scene.server("b")
        #expect(scene.seen == Seen(toServer: request, others: [.strike]))
        scene.take(scene.relay.waited())
        scene.server("c")
        scene.client("d")
        #expect(scene.seen == Seen(toServer: request + "d", toClient: head + "bc", others: [.strike]))
    }

    @Test("A client that goes while somebody else is struck is closed, and hears nothing")
    func struckWithoutClient() {
        for moment in Fault.Moment.allCases {
            var scene = Scene(.strike(moment))
            scene.client(Self.patch)
            if moment == .after { scene.server(Self.answer) }
            scene.take(scene.relay.clientEnded())
            scene.take(scene.relay.waited())
            #expect(scene.seen.toClient.isEmpty && scene.seen.others == [.strike, .close])
        }
    }

    @Test("A cut answer is one whose request was done")
    func cutAnswer() {
        var scene = Scene(.cutAnswer)
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: Self.patch, others: [.reset]))
    }

    @Test("A truncated answer begins and is cut")
    func truncated() {
        var scene = Scene(.truncate)
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen.others == [.reset])
        #expect(!scene.seen.toClient.isEmpty && scene.seen.toClient != Self.answer)
        #expect(Self.answer.hasPrefix(scene.seen.toClient))
    }

    @Test("An answer of the proxy's own: the server sees nothing, and the connection goes on")
    func answered() {
        var scene = Scene(.answer(429, retryAfter: 1), nil)
        scene.client(Self.patch)
        #expect(scene.seen.toServer.isEmpty)
        #expect(scene.seen.toClient.hasPrefix("HTTP/1.1 429 "))
        #expect(scene.seen.toClient.contains("\r\nRetry-After: 1\r\n"))
        scene.seen = Seen()
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: Self.patch, toClient: Self.answer))
    }

    @Test("A failure after the commit: done, and said to have failed")
    func answerAfter() {
        var scene = Scene(.answerAfter(500))
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen.toServer == Self.patch)
        #expect(scene.seen.toClient.hasPrefix("HTTP/1.1 500 "))
        #expect(!scene.seen.toClient.contains("200 OK"))
    }

    @Test("A request that stalls half way: the server waits for the rest, the client for an answer")
    func stallRequest() {
        var scene = Scene(.stallRequest)
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: String(Self.patch.dropLast(2))))
        scene.take(scene.relay.serverEnded())
        #expect(scene.seen.others.isEmpty)
        scene.take(scene.relay.clientEnded())
        #expect(scene.seen.others == [.close])
    }

    @Test("An answer that never comes, to a request that was done")
    func stallAnswer() {
        var scene = Scene(.stallAnswer)
        scene.client(Self.patch)
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: Self.patch))
    }

    @Test("A delay holds a request back, and changes nothing else")
    func delay() {
        var scene = Scene(.delay(50))
        scene.client(Self.patch)
        #expect(scene.seen == Seen(others: [.wait(50)]))
        scene.take(scene.relay.waited())
        scene.server(Self.answer)
        #expect(scene.seen == Seen(toServer: Self.patch, toClient: Self.answer, others: [.wait(50)]))
    }

    @Test("After a switch of protocols the two sides speak alone, whatever they say")
    func upgraded() {
        var scene = Scene()
        let request = "GET /api/v1/namespaces/shop/pods/a/portforward HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
        scene.client(request)
        scene.server(answer + "\u{1}early")
        scene.client(Self.patch)
        scene.server("\u{0}late")
        #expect(scene.seen == Seen(toServer: request + Self.patch, toClient: answer + "\u{1}early\u{0}late"))
    }

    @Test(
        "What a faulty watch tells of three events",
        arguments: [
            (Fault.echo, "A\nA\nB\nB\nC\nC\n"), (.stale, "A\nB\nA\nC\nB\n"), (.swap, "B\nA\n"),
            (.freeze(after: 1), "A\n"),
        ]
    )
    func watches(_ fault: Fault, _ told: String) {
        var scene = Scene(fault)
        scene.client(Self.watch)
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        // An event in two chunks, and two in one.
        scene.server(head + "1\r\nA\r\n1\r\n\n\r\n4\r\nB\nC\n\r\n")
        #expect(Self.events(scene.seen.toClient, head) == told)
        scene.server("0\r\n\r\n")
        let isFrozen = fault == .freeze(after: 1)
        #expect(scene.seen.toClient.hasSuffix("0\r\n\r\n") == !isFrozen)
        #expect(Self.events(scene.seen.toClient, head) == (fault == .swap ? told + "C\n" : told))
    }

    @Test("An event that waits for the next is told when none comes")
    func released() {
        var scene = Scene(.swap)
        scene.client(Self.watch)
        scene.server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nA\n\r\n")
        #expect(scene.seen.others == [.wait(200)])
        scene.take(scene.relay.waited())
        #expect(scene.seen.toClient.hasSuffix("2\r\nA\n\r\n"))
    }

    @Test("A watch whose version is gone says so as an API server does, and ends")
    func gone() {
        var scene = Scene(.gone(after: 1))
        scene.client(Self.watch)
        scene.server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nA\nB\n\r\n")
        #expect(scene.seen.toClient.contains("2\r\nA\n\r\n"))
        #expect(scene.seen.toClient.contains("\"code\":410"))
        #expect(!scene.seen.toClient.contains("B\n"))
        #expect(scene.seen.toClient.hasSuffix("\n\r\n0\r\n\r\n"))
        #expect(scene.seen.others == [.close])
    }

    private static func events(_ text: String, _ head: String) -> String {
        text.dropFirst(head.count).split(separator: "\r\n").filter { !["0", "2"].contains($0) }.joined()
    }
}
