import HTTPWire
import Testing

@testable import ResponseDiff

@Suite("Reading an answer")
struct ReaderTests {
    private static let answers: [(String, HTTPResponse)] = [
        (
            "HTTP/1.1 200 OK\r\nA:  x \r\nContent-Length: 3\r\n\r\nabc",
            HTTPResponse(status: 200, fields: [.init("A", "x"), .init("Content-Length", "3")], body: Array("abc".utf8))
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\nB: 1\r\n\r\n",
            HTTPResponse(status: 204, fields: [.init("B", "1")])
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nab\n\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            HTTPResponse(
                status: 200,
                fields: [.init("Transfer-Encoding", "chunked")],
                body: Array("ab\n0123456789".utf8)
            )
        ),
    ]

    @Test("gives status, fields and body without framing, whatever the pieces", arguments: 0..<3)
    func pieces(index: Int) {
        let (text, expected) = Self.answers[index]
        let bytes = Array(text.utf8)
        for cut in 1..<bytes.count {
            var reader = ResponseReader(answering: .get)
            #expect(reader.read(bytes[..<cut], isEnd: false) == .more)
            #expect(reader.read(bytes[cut...], isEnd: false) == .whole(expected))
        }
        var reader = ResponseReader(answering: .get)
        for byte in bytes.dropLast() { #expect(reader.read([byte], isEnd: false) == .more) }
        #expect(reader.read([bytes[bytes.count - 1]], isEnd: false) == .whole(expected))
    }

    @Test("knows that an answer to HEAD has no body, and that an unframed one ends with its connection")
    func framing() {
        var head = ResponseReader(answering: .head)
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        #expect(
            head.read(text.utf8, isEnd: false)
                == .whole(HTTPResponse(status: 200, fields: [.init("Content-Length", "3")]))
        )
        var open = ResponseReader(answering: .get)
        #expect(open.read("HTTP/1.0 200 OK\r\n\r\nab".utf8, isEnd: false) == .more)
        #expect(open.read("c".utf8, isEnd: true) == .whole(HTTPResponse(status: 200, body: Array("abc".utf8))))
    }

    @Test(
        "says why there is none",
        arguments: [
            ("", "without an answer"), ("HTTP/1.1 200", "cut short"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "cut short"), ("SSH-2.0-x\r\n", "not well-formed"),
            ("HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", "not well-formed"), ("HTTP/1.1 101 S\r\n\r\n", "switches protocols"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk grammar"),
            ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 200), "longer than 200"),
        ]
    )
    func none(text: String, reason: String) {
        var reader = ResponseReader(answering: .get, limit: 200)
        let isEnd = !reason.hasPrefix("longer")
        guard case .unreadable(let why) = reader.read(text.utf8, isEnd: isEnd) else {
            return #expect(Bool(false), "an answer was made of \(text)")
        }
        #expect(why.contains(reason))
    }

    @Test("of a request knows whether it is whole, and what it asks for")
    func request() throws {
        let whole = "POST /a?b=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
        let request = try #require(CopiedRequest(Array(whole.utf8)))
        #expect(request.method == .post && request.target == "/a?b=1" && request.isWhole)
        #expect(CopiedRequest(Array(whole.utf8.dropLast()))?.isWhole == false)
        #expect(CopiedRequest(Array((whole + "c").utf8))?.isWhole == false)
        #expect(CopiedRequest(Array(whole.utf8.prefix(40))) == nil)
    }
}
