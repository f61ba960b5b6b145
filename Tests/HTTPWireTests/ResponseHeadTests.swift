import HTTPWire
import Testing

@Suite("A response head")
struct ResponseHeadTests {
    @Test(
        "is read, or refused with its reason",
        arguments: [
            Row("HTTP/1.1 200 OK\r\n\r\n", "200 http11 19"), Row("HTTP/1.1 200\r\n\r\n", "200 http11 16"),
            Row("HTTP/1.0 404 Not \u{e9}\tfound\r\n\r\n", "404 http10 29"),
            Row("HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n", "204 http11 36 length=0"),
            Row("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 http11 47 chunked"),
            Row("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "101 http11 51 upgrade"),
            Row("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "200 http11 38 close"),
            Row("H", "incomplete"), Row("HTTP/1.1 2", "incomplete"), Row("HTTP/1.1 200 OK\r\n\r", "incomplete"),
            Row("SSH-2.0", "not-http unknown"), Row("HTTP/2 200 OK\r\n", "not-http version"),
            Row("HTTX", "not-http unknown"),
            Row("HTTP/1.1 2000\r\n\r\n", "ambiguous invalid-status"),
            Row("HTTP/1.1 20 OK\r\n", "ambiguous invalid-status"),
            Row("HTTP/1.1  200\r\n", "ambiguous invalid-status"), Row("HTTP/1.1 099 x\r\n", "ambiguous invalid-status"),
            Row("HTTP/1.1 200 OK\n\n", "ambiguous bare-lf"),
            Row("HTTP/1.1 200 a\0b\r\n", "ambiguous control-character"),
            Row(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "ambiguous repeated-content-length"
            ),
            Row(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "ambiguous length-and-encoding"
            ),
            Row("HTTP/1.1 200 OK\r\nX : 1\r\n\r\n", "ambiguous space-before-colon"),
        ]
    )
    func verdict(row: Row) {
        #expect(responseVerdict(row.text) == row.verdict)
    }

    @Test(
        "says how its body ends, for the request it answers (RFC 9112 6.3)",
        arguments: [
            ("200 OK\r\nContent-Length: 5", HTTPWire.Method.get, "length"),
            ("200 OK\r\nContent-Length: 5", .head, "none"),
            ("204 No\r\nContent-Length: 5", .get, "none"), ("304 Not\r\nContent-Length: 5", .get, "none"),
            ("100 Continue\r\nContent-Length: 5", .post, "none"), ("200 OK", .get, "close"),
            ("200 OK", .connect, "close"),
            ("200 OK\r\nContent-Length: 5", .connect, "close"), ("403 No\r\nContent-Length: 5", .connect, "length"),
            ("200 OK\r\nContent-Length: 0", .get, "none"), ("200 OK\r\nTransfer-Encoding: chunked", .get, "chunked"),
            ("200 OK\r\nTransfer-Encoding: chunked", .head, "none"),
        ]
    )
    func framing(line: String, method: HTTPWire.Method, expected: String) throws {
        let bytes = Array("HTTP/1.1 \(line)\r\n\r\n".utf8)
        let head = try bytes.withUnsafeBytes { raw in
            var scanner = HeadScanner()
            guard case .complete(let head) = scanner.scanResponse(ByteView(raw)) else {
                throw NotRead()
            }
            return head
        }
        let framer = head.framing(answering: method)
        let chunk = frame(framer, Array("5\r\nhello\r\n0\r\n\r\nmore".utf8), step: 100)
        let found =
            switch (framer.isComplete, framer.endsWithConnection, chunk?.taken) {
            case (true, _, _): "none"
            case (_, true, _): "close"
            case (_, _, 5): "length"
            case (_, _, 15): "chunked"
            default: "?"
            }
        #expect(found == expected)
    }

    private struct NotRead: Error {}
}
