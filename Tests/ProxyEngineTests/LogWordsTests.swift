#if os(Linux)
    import GatewayCore
    import HTTPWire
    import Testing

    @testable import ProxyEngine

    @Suite("What a line of the access log shows of a request")
    struct LogWordsTests {
        private static func heading(_ text: String, _ format: AccessLogRules.Format = .text) throws -> String {
            let bytes = Array(text.utf8)
            return try bytes.withUnsafeBytes { raw in
                let view = ByteView(raw)
                var scanner = HeadScanner(limit: 1 << 20)
                guard case .complete(let head) = scanner.scanRequest(view) else {
                    throw EngineError(message: "no head", cause: CancellationError())
                }
                var heading: [UInt8] = Array("rest of the line before".utf8)
                LogWords(format).write(head, view, into: &heading)
                return String(decoding: heading, as: UTF8.self)
            }
        }

        @Test("quotes, backslashes and bytes that are no ASCII stay inside their quotes")
        func escaped() throws {
            let heading = try Self.heading(
                "GET /\"_status=200\\é HTTP/1.1\r\nX-REQUEST-ID: a\" b=\"\u{80}\r\nhost: x\r\nx-request-id: second\r\n\r\n"
            )
            #expect(
                heading
                    == #" method=GET path="/\"_status=200\\%C3%A9" host="x" request_id="a\" b=\"%C2%80""#
            )
        }

        @Test("what would end the line or move a terminal's cursor is written out, should it ever get so far")
        func controls() {
            var line: [UInt8] = []
            Array("/a\nb\r\u{1b}[31m\"".utf8).withUnsafeBytes { LogWords(.json).quote($0, 1_024, into: &line) }
            #expect(String(decoding: line, as: UTF8.self) == #""/a%0Ab%0D%1B[31m\"""#)
        }

        @Test(
            "a path of 100 KB is cut, and one of exactly the length is not",
            arguments: [100 << 10, 1_025, 1_024, 1_023]
        )
        func long(length: Int) throws {
            let path = "/" + String(repeating: "p", count: length - 1)
            let heading = try Self.heading("GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(heading == " method=GET path=\"\(path.prefix(1_024))\" host=\"x\" request_id=-")
        }

        @Test("what there is not is - in text and null in JSON; an empty value is none")
        func none() throws {
            #expect(
                try Self.heading("GET /a HTTP/1.0\r\nx-request-id:\r\n\r\n", .json)
                    == #","method":"GET","path":"/a","host":null,"request_id":null"#
            )
            var heading: [UInt8] = []
            LogWords(.text).writeNone(into: &heading)
            #expect(String(decoding: heading, as: UTF8.self) == " method=- path=- host=- request_id=-")
        }

        @Test(
            "names from the settings get quotes where they could be taken for something else",
            arguments: [
                ("web", "web"), ("[::1]:80", "[::1]:80"), ("a b", #""a b""#), ("a=b", #""a=b""#), ("-", #""-""#),
                ("", #""""#), ("a\nstatus=200", #""a%0Astatus=200""#), ("q\"", #""q\"""#),
            ]
        )
        func names(name: String, expected: String) {
            #expect(String(decoding: LogWords(.text).name(name), as: UTF8.self) == expected)
        }
    }
#endif
