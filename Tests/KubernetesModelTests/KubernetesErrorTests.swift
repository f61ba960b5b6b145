import KubernetesModel
import Testing

@Suite("What an answer of the API server means")
struct KubernetesErrorTests {
    private func error(
        _ status: Int,
        _ reason: String = "",
        _ method: KubernetesRequest.Method = .get,
        retryAfter: Int? = nil
    ) -> KubernetesError {
        let body = KubernetesStatus(code: status, reason: reason, message: "said so").json.bytes
        return KubernetesError(
            httpStatus: status,
            body: body,
            retryAfter: retryAfter,
            request: .init(method, ["api", "v1"])
        )
    }

    @Test(
        "Status and reason give the code",
        arguments: zip(
            [
                (404, "NotFound"), (409, "Conflict"), (409, "AlreadyExists"), (410, "Expired"), (410, "Gone"),
                (401, ""), (403, ""), (422, "Invalid"), (429, ""), (500, ""), (503, ""), (504, "Timeout"), (400, ""),
                (415, ""),
            ],
            [
                KubernetesError.Code.notFound, .conflict, .alreadyExists, .expired, .expired, .unauthorized, .forbidden,
                .invalid, .tooManyRequests, .server, .server, .timeout, .badRequest, .badRequest,
            ]
        )
    )
    func codes(answer: (Int, String), code: KubernetesError.Code) {
        #expect(self.error(answer.0, answer.1).code == code)
    }

    @Test(
        "What is no Status is told with its number; a web page is not quoted",
        arguments: [
            ("oops", ": oops"), ("", " without saying why"), ("<html>hi</html>", " with a web page"),
            ("{\"a\":1}", " without saying why"), ("\u{1b}a\nb", ": ab"),
        ]
    )
    func noStatus(body: String, words: String) {
        let error = KubernetesError(httpStatus: 500, body: Array(body.utf8), request: .version)
        #expect(error.message == "the API server answered 500\(words)")
    }

    @Test("A bare 409 of a create means the name is taken")
    func bareConflict() {
        let request = KubernetesRequest(.post, ["api"])
        #expect(KubernetesError(httpStatus: 409, body: [], request: request).isAlreadyExists)
        #expect(KubernetesError(httpStatus: 409, body: [], request: .init(.patch, ["api"])).isConflict)
    }

    @Test("Retry-After comes from the header, else from the details")
    func retryAfter() {
        #expect(self.error(429, retryAfter: 3).retryAfter == .seconds(3))
        let status = KubernetesStatus(code: 429, reason: "", message: "", details: ["retryAfterSeconds": 2])
        let error = KubernetesError(httpStatus: 429, body: status.json.bytes, request: .version)
        #expect(error.retryAfter == .seconds(2))
        #expect(self.error(503).retryAfter == nil)
        #expect(self.error(429, retryAfter: -5).retryAfter == .zero)
    }

    @Test(
        "Only what may pass by itself is retryable",
        arguments: zip(
            [404, 409, 422, 401, 403, 410, 429, 500, 503, 504, 501],
            [false, false, false, false, false, false, true, true, true, true, false]
        )
    )
    func retryable(status: Int, expected: Bool) {
        #expect(self.error(status).isRetryable == expected)
    }

    @Test("What a proxy says is quoted in short and without its control characters")
    func foreignBody() {
        let error = KubernetesError(
            httpStatus: 502,
            body: Array("\u{1b}[31mbad\r\n".utf8) + Array(repeating: 0x61, count: 9999),
            request: .version
        )
        #expect(error.message.hasPrefix("the API server answered 502: [31mbad"))
        #expect(error.message.utf8.count <= 240)
        #expect(error.description.hasSuffix("(GET /version)"))
    }

    @Test("The faults of an invalid object are listed")
    func causes() {
        let details: JSONValue = [
            "causes": [["field": "spec.ports", "message": "Required value"], ["reason": "Other"]]
        ]
        let status = KubernetesStatus(code: 422, reason: "Invalid", message: "no", details: details)
        #expect(KubernetesStatus(status.json)?.causes == ["spec.ports: Required value", "Other"])
    }
}
