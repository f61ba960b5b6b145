import HTTPWire
import ProxyCore
import TestSupport
import Testing

/// One conversation: what the client sends, who answers what, and in which order the client must see it.
private struct Script {
    var client = ""
    var expected = ""
    var toOriginal = ""
    var toUpstream = ""
    /// The answers in order, with the side that gives them.
    var answers: [(Side, String)] = []
    /// Requests to the original with their answers.
    var exchanges: [[String]] = []

    init(random: inout SplitMix64) {
        for index in 0..<Int.random(in: 1...8, using: &random) {
            let isDiverted = Bool.random(using: &random)
            let user = isDiverted ? "alice" : nil
            let request = Self.request(index, user, &random)
            let answer = Self.answer(index, &random)
            self.client += request
            self.expected += answer
            if isDiverted { self.toUpstream += request } else { self.toOriginal += request }
            self.answers.append((isDiverted ? .upstream : .original, answer))
            if !isDiverted { self.exchanges.append([request, answer]) }
        }
    }

    private static func request(_ index: Int, _ user: String?, _ random: inout SplitMix64) -> String {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: return get("/\(index)", user: user)
        case 1: return post(String(repeating: "b", count: Int.random(in: 0..<50, using: &random)), user: user)
        default:
            let chunk = String(repeating: "c", count: Int.random(in: 1..<40, using: &random))
            return get(user: user, method: "POST", fields: "Transfer-Encoding: chunked\r\n")
                + "\(String(chunk.utf8.count, radix: 16));x=y\r\n\(chunk)\r\n0\r\nT: 1\r\n\r\n"
        }
    }

    private static func answer(_ index: Int, _ random: inout SplitMix64) -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return "HTTP/1.1 204 No Content\r\nX-Index: \(index)\r\n\r\n"
        case 1: return "HTTP/1.1 100 Continue\r\n\r\n" + ok("body \(index)")
        case 2: return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nbody \(index)\r\n0\r\n\r\n"
        default: return ok(String(repeating: "\(index)", count: Int.random(in: 0..<200, using: &random)))
        }
    }
}

@Suite("Random conversations")
struct RandomTests {
    @Test("arrive whole, in order and at the right side, in any pieces", arguments: 0..<300 as Range<UInt64>)
    func conversations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let script = Script(random: &random)
        var rig = Rig(routes: [try .user("alice")])
        var unsent = Array(script.client.utf8)
        var answers = script.answers.map { ($0.0, Array($0.1.utf8)) }
        var answered = 0
        for _ in 0..<20_000 {
            if rig.journal.last?.hasPrefix("connect") == true, rig.phase() == .upstream {
                rig.after { $0.upstreamAccepted() }
            }
            if !unsent.isEmpty, Bool.random(using: &random) {
                let count = min(unsent.count, Int.random(in: 1...80, using: &random))
                rig.receive(.client, Array(unsent.prefix(count)))
                unsent.removeFirst(count)
            }
            // A server may answer as soon as it has some of the body.
            if let (side, bytes) = answers.first, Self.hasRequest(answered, script, rig) {
                let count = min(bytes.count, Int.random(in: 1...120, using: &random))
                rig.receive(side, Array(bytes.prefix(count)))
                if count == bytes.count {
                    answers.removeFirst()
                    answered += 1
                } else {
                    answers[0] = (side, Array(bytes.dropFirst(count)))
                }
            }
            if answers.isEmpty, unsent.isEmpty { break }
        }
        #expect(rig.sent[.client] == script.expected, "seed \(seed)")
        #expect(rig.sent[.original] == script.toOriginal, "seed \(seed)")
        #expect(rig.sent[.upstream] == script.toUpstream, "seed \(seed)")
        #expect(rig.records.count == script.answers.count, "seed \(seed)")
        #expect(rig.machine.raw == nil, "seed \(seed)")
        let copies = rig.copies.map { [$0.request, $0.response].map { String(decoding: $0, as: UTF8.self) } }
        #expect(copies == script.exchanges, "seed \(seed): what a mirror copies is the exchange, and nothing else")
        #expect(!rig.copies.contains { !$0.isWhole }, "seed \(seed)")
        #expect(!rig.journal.contains("endless"), "seed \(seed)")
    }

    /// Whether the exchange number `index` is under way and its request has been passed on, at least in part.
    private static func hasRequest(_ index: Int, _ script: Script, _ rig: Rig) -> Bool {
        guard rig.records.count == index, rig.phase() == .relay else {
            return false
        }
        let side = script.answers[index].0
        let expected = side == .original ? script.toOriginal : script.toUpstream
        let sent = rig.sent[side] ?? ""
        return expected.hasPrefix(sent) && (sent.hasSuffix("\r\n\r\n") || sent.hasSuffix("b") || sent.hasSuffix("c"))
    }

    @Test(
        "of any events at all end, lose nothing that was forwarded, and send no request twice",
        arguments: 0..<500 as Range<UInt64>
    )
    func events(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rig = Rig(
            routes: [try .user("alice"), try .user("bob", onUnreachable: .unavailable)],
            connected: Bool.random(using: &random),
            headLimit: 200
        )
        let texts = [
            get("/1"), get("/2", user: "alice"), post("abc", user: "alice"), post("abc", user: "bob"), "GET / HT",
            "\u{16}x", ok("1"),
            "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 C\r\n\r\n", "HTTP/1.1 101 S\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            get(user: "alice", fields: "Upgrade: ws\r\n"), "junk", "zz\r\n",
            get(method: "POST", fields: "Transfer-Encoding: chunked\r\n"),
        ]
        for _ in 0..<30 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: rig.after { $0.clientEnded() }
            case 1: rig.after { $0.originalEnded() }
            case 2: rig.after { $0.upstreamEnded() }
            case 3 where Bool.random(using: &random): rig.after { $0.clientReset() }
            case 4 where Bool.random(using: &random): rig.after { $0.originalReset() }
            case 5: rig.after { $0.upstreamReset() }
            case 6, 7, 8: rig.after { $0.upstreamAccepted() }
            case 9: rig.after { $0.originalConnected() }
            case 12 where rig.journal.last == "reconnect original": rig.after { $0.originalFailed() }
            case 10: if let deadline = rig.machine.deadline { rig.after { $0.deadlinePassed(deadline) } }
            case 11 where Int.random(in: 0..<5, using: &random) == 0: rig.after { $0.drain() }
            default:
                let side = Side.allCases.randomElement(using: &random) ?? .client
                rig.receive(side, texts.randomElement(using: &random) ?? "")
            }
        }
        rig.after { $0.clientReset() }
        let ends = rig.journal.filter { $0 == "close all" || $0 == "reset all" }
        #expect(ends.count == 1, "seed \(seed): \(rig.journal)")
        #expect(rig.phase() == .close, "seed \(seed)")
        #expect(!rig.journal.contains("endless"), "seed \(seed)")
        #expect(rig.journal.filter { $0 == "finish client" }.count <= 1, "seed \(seed): \(rig.journal)")
        let left = rig.held.values.reduce(0) { $0 + $1.count }
        #expect(left == 0, "seed \(seed): nothing is held for good")
        for copy in rig.copies where copy.isWhole { Self.expectWhole(copy, "seed \(seed)") }
    }

    /// What is said to be whole has to be one request and its one final response, by their own framing.
    private static func expectWhole(_ copy: Rig.Copy, _ seed: String) {
        let method = copy.request.withUnsafeBytes { raw -> HTTPWire.Method? in
            let view = ByteView(raw)
            var scanner = HeadScanner()
            guard case .complete(let head) = scanner.scanRequest(view) else { return nil }
            var framer = head.framing
            let body = framer.take(view, from: head.length)
            return framer.isComplete && head.length + (body ?? 0) == view.count ? head.method : nil
        }
        #expect(method != nil, "\(seed): \(String(decoding: copy.request, as: UTF8.self))")
        let isWhole = copy.response.withUnsafeBytes { raw -> Bool in
            var view = ByteView(raw)
            while true {
                var scanner = HeadScanner()
                guard case .complete(let head) = scanner.scanResponse(view) else { return false }
                guard head.status >= 200 else {
                    view = view.dropping(head.length)
                    continue
                }
                var framer = head.framing(answering: method ?? .get)
                let body = framer.take(view, from: head.length)
                return (framer.isComplete || framer.endsWithConnection) && head.length + (body ?? 0) == view.count
            }
        }
        #expect(isWhole, "\(seed): \(String(decoding: copy.response, as: UTF8.self))")
    }
}
