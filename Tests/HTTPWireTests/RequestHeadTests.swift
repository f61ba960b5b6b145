import HTTPWire
import Testing

/// One row: what is sent, and the verdict.
struct Row: CustomTestStringConvertible, Sendable {
    let text: String
    let verdict: String

    init(_ text: String, _ verdict: String) {
        self.text = text
        self.verdict = verdict
    }

    var testDescription: String {
        self.text.debugDescription
    }
}

private func get(_ fields: String) -> String {
    "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

private func post(_ fields: String) -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

@Suite("A request head")
struct RequestHeadTests {
    static let sound: [Row] = [
        Row("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / http11 27 [Host]"),
        Row("GET /p?q=1 HTTP/1.1\r\nhost:a:80\r\nX:\r\n\r\nrest", "GET /p?q=1 http11 38 [host X]"),
        Row("GET / HTTP/1.0\r\n\r\n", "GET / http10 18 []"),
        Row("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / http10 42 keep-alive [Connection]"),
        Row(post("Content-Length: 5\r\n"), "POST / http11 47 length=5 [Host Content-Length]"),
        Row(post("Transfer-Encoding:\tChunked \r\n"), "POST / http11 57 chunked [Host Transfer-Encoding]"),
        Row(get("Connection: Foo ,close\r\n"), "GET / http11 51 close [Host Connection]"),
        Row(get("connection: a\r\nConnection: CLOSE\r\n"), "GET / http11 61 close [Host connection Connection]"),
        Row(get("Upgrade: websocket\r\n"), "GET / http11 47 upgrade [Host Upgrade]"),
        Row(get("Upgrade: x, h2c\r\n"), "GET / http11 44 upgrade h2c [Host Upgrade]"),
        Row(post("Expect: 100-continue\r\n"), "POST / http11 50 expect [Host Expect]"),
        Row("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * http11 31 [Host]"),
        Row("GET http://a/b HTTP/1.1\r\nHost: A\r\n\r\n", "GET http://a/b http11 36 [Host]"),
        Row("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "CONNECT a:443 http11 39 [Host]"),
        Row("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / http11 34 [Host]"),
        Row("PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n", "PURGE /x http11 30 [Host]"),
        Row("VERSION-CONTROL /x HTTP/1.1\r\nHost: a\r\n\r\n", "VERSION-CONTROL /x http11 40 [Host]"),
        Row(get("X: \u{e9}\tb\r\n"), "GET / http11 36 [Host X]"),
        Row(post("Content-Length: 000000000000000007\r\n"), "POST / http11 64 length=7 [Host Content-Length]"),
    ]

    static let unfinished: [Row] = [
        Row("", "incomplete"), Row("G", "incomplete"), Row("GET", "incomplete"), Row("GET /", "incomplete"),
        Row("PRI", "incomplete"),
        Row("GET / HTTP/1.1\r", "incomplete"), Row("GET / HTTP/1.1\r\n", "incomplete"),
        Row("GET / HTTP/1.1\r\nHost", "incomplete"), Row("GET / HTTP/1.1\r\nHost: a\r", "incomplete"),
        Row("GET / HTTP/1.1\r\nHost: a\r\n", "incomplete"), Row("GET / HTTP/1.1\r\nHost: a\r\n\r", "incomplete"),
    ]

    static let foreign: [Row] = [
        Row("\u{16}\u{3}\u{1}", "not-http tls"), Row("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not-http http2"),
        Row("SSH-2.0-x\r\n", "not-http unknown"), Row("get / HTTP/1.1\r\n", "not-http unknown"),
        Row("\0\0\0\u{8}", "not-http unknown"), Row("EHLO x\r\n", "not-http unknown"), Row("GETX", "not-http unknown"),
        Row("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "not-http unknown"), Row("*1\r\n$4\r\n", "not-http unknown"),
        Row("GET /\r\n", "not-http version"), Row("GET / HTTP/2.0\r\n", "not-http version"),
        Row("GET / HTTP/1.2\r\n", "not-http version"), Row("GET / http/1.1\r\n", "not-http version"),
        Row("GET  HTTP/1.1\r\n", "not-http version"), Row("GET /xHTTP/1.1\r\n", "not-http version"),
        Row("GET / HTTP/1.1 \r\n", "not-http version"),
        Row("GET key\r\n", "not-http version"),
    ]

    /// Rows 1 to 5 of the list of bad inputs.
    static let twofold: [Row] = [
        Row(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), "ambiguous length-and-encoding"),
        Row(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), "ambiguous length-and-encoding"),
        Row(
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            "ambiguous repeated-transfer-encoding"
        ),
        Row(post("Content-Length: 3\r\nContent-Length: 4\r\n"), "ambiguous repeated-content-length"),
        Row(post("Content-Length: 3\r\nContent-Length: 3\r\n"), "ambiguous repeated-content-length"),
        Row(post("Content-Length: 3, 3\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length: +3\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length: -3\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length: 0x3\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length: 3 3\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length:\r\n"), "ambiguous invalid-content-length"),
        Row(post("Content-Length: 18446744073709551616\r\n"), "ambiguous invalid-content-length"),
        Row(post("Transfer-Encoding: xchunked\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding: chunked, identity\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding: chunked,chunked\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding: \"chunked\"\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding: chunked\u{a0}\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding:\r\n chunked\r\n"), "ambiguous invalid-transfer-encoding"),
        Row(post("Transfer-Encoding: chunked\u{b}\r\n"), "ambiguous control-character"),
        Row(post("Transfer-Encoding : chunked\r\n"), "ambiguous space-before-colon"),
        Row(post("Transfer-Encoding\u{b}: chunked\r\n"), "ambiguous control-character"),
        Row("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous invalid-transfer-encoding"),
        Row("GET / HTTP/1.1\nHost: a\n\n", "ambiguous bare-lf"), Row(get("X: a\nY: b\r\n"), "ambiguous bare-lf"),
        Row(get("X: a\rY: b\r\n"), "ambiguous bare-cr"), Row("GET / HTTP/1.1\rHost: a\r\n", "ambiguous bare-cr"),
        Row(get("X: a\0b\r\n"), "ambiguous control-character"),
        Row(get("X: a\u{7f}b\r\n"), "ambiguous control-character"),
        Row(get("X\0: a\r\n"), "ambiguous control-character"),
        Row(get("X\u{1}Y: a\r\n"), "ambiguous control-character"),
        Row(get("X : a\r\n"), "ambiguous space-before-colon"), Row(get("X\t: a\r\n"), "ambiguous space-before-colon"),
        Row(get("X: a\r\n b\r\n"), "ambiguous obs-fold"), Row(get("X: a\r\n\tb\r\n"), "ambiguous obs-fold"),
        Row(get(": a\r\n"), "ambiguous empty-name"), Row(get("X\r\n"), "ambiguous invalid-name"),
        Row(get("X(y): a\r\n"), "ambiguous invalid-name"), Row(get("\u{e9}: a\r\n"), "ambiguous invalid-name"),
        Row("GET / HTTP/1.1\r\nHost: a\r\n\rX", "ambiguous bare-cr"),
        Row("GET / HTTP/1.1\r\nHost: a\r\n\n", "ambiguous bare-lf"),
        Row("GET / HTTP/1.1\r\n\r\n", "ambiguous missing-host"), Row(get("Host: a\r\n"), "ambiguous repeated-host"),
        Row("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost:\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "ambiguous invalid-host"),
        Row("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "ambiguous invalid-host"),
        Row("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous host-mismatch"),
        Row("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous invalid-target"),
        Row("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "ambiguous control-character"),
    ]

    static let all = Self.sound + Self.unfinished + Self.foreign + Self.twofold

    @Test("is read, or refused with its reason", arguments: Self.all)
    func verdict(row: Row) {
        #expect(requestVerdict(row.text) == row.verdict)
    }

    @Test("gets the same verdict whatever the pieces it comes in", arguments: Self.all)
    func dripped(row: Row) {
        let bytes = Array(row.text.utf8)
        for step in 1...max(1, bytes.count) {
            #expect(drippedRequestVerdict(bytes, step: step) == row.verdict, "in steps of \(step)")
        }
    }

    @Test("longer than the limit is too long, complete or not", arguments: [20, 100, 1000])
    func limit(extra: Int) {
        let text = get("X: \(String(repeating: "a", count: extra))\r\n")
        #expect(requestVerdict(text, limit: text.utf8.count).hasPrefix("GET"))
        #expect(requestVerdict(text, limit: text.utf8.count - 1) == "too-long")
        #expect(requestVerdict(String(text.dropLast(4)), limit: 30) == "too-long")
    }

    @Test("of 64 KiB that comes a byte at a time is read in linear time", .timeLimit(.minutes(5)))
    func linear() {
        let text = get("X: \(String(repeating: "a", count: 65_000))\r\n")
        #expect(drippedRequestVerdict(Array(text.utf8), step: 1).hasPrefix("GET"))
    }

    @Test("with 5,000 field lines is read, and each line is found again")
    func manyFields() {
        let text = get((0..<5_000).map { "x\($0): 1\r\n" }.joined())
        #expect(requestVerdict(text).hasSuffix(" x4998 x4999]"))
    }
}
