import TestSupport
import Testing
import TrafficMatch

@testable import Intercept
@testable import detour

@Suite("The screen of a running intercept")
struct ScreenModelTests {
    static let ready = InterceptEvent.Ready(
        service: "shop/leaf",
        ports: ["80 → 3000"],
        match: "x-c6o-intercept: yes",
        session: "intercept-shop-leaf",
        replicas: 2
    )

    private func model() -> ScreenModel {
        var model = ScreenModel()
        model.note(.step("pointing the Service at the interceptor"))
        for pod in ["interceptor-leaf-b", "interceptor-leaf-a"] { model.note(.tunnelUp(pod: pod)) }
        model.note(.ready(Self.ready))
        return model
    }

    private func request(
        _ path: String,
        _ status: Int = 200,
        _ server: String = "laptop",
        microseconds: Int = 12_345
    )
        -> RouteSightings.RecentRequest
    {
        .init(method: "GET", path: path, status: status, microseconds: microseconds, server: server)
    }

    private func text(_ model: ScreenModel, columns: Int = 79, rows: Int = 24, seconds: Int = 65) -> String {
        model.lines(columns: columns, rows: rows, seconds: seconds).map { "\($0.text)\n" }.joined()
    }

    @Test("Before anything has come")
    func empty() throws {
        try expectGolden(self.text(self.model()), "screen-empty.txt")
    }

    @Test("With requests, fallbacks, a reconnect and a near miss")
    func busy() throws {
        var model = self.model()
        model.note(.tunnelDown(pod: "interceptor-leaf-a", reason: "the connection was lost"))
        model.note(.tunnelUp(pod: "interceptor-leaf-a"))
        var seen = RouteSightings()
        seen.connections = 37
        seen.requests = 412
        seen.matched = 4
        seen.diverted = 3
        seen.fallbacks = ["local-refused": 1]
        seen.recent = [
            self.request("/n/1"), self.request("/a/path/that/is/longer/than/the/screen/has/any/room/for/it"),
            self.request("/n/3", 502, "detour", microseconds: 1_234_567), self.request("/n/4", 0, microseconds: 950),
        ]
        model.sightings = seen
        let match = try RequestMatch(headers: [HeaderMatch(name: "x-c6o-intercept", value: "yes")])
        var missed = RouteSightings()
        missed.requests = 400
        missed.surveyed = 400
        missed.misses = [.init(absent: 400)]
        missed.names = ["traceparent": 400]
        model.note(.nearMiss(TrafficReport(sightings: missed, match: match, service: "shop/leaf")))
        try expectGolden(self.text(model, seconds: 3_723), "screen-busy.txt")
    }

    @Test("Paused, on a small terminal")
    func paused() throws {
        var model = self.model()
        model.isPaused = true
        model.sightings.recent = (0..<16).map { self.request("/n/\($0)") }
        for number in 0..<20 { model.note(.warning("warning number \(number)")) }
        try expectGolden(self.text(model, columns: 59, rows: 14), "screen-paused.txt")
    }

    @Test(
        "Never is a line wider, or are there more, than there is room for",
        arguments: [0, 1, 7, 20, 59, 79, 200],
        [1, 3, 9, 14, 50]
    )
    func fits(columns: Int, rows: Int) {
        var model = self.model()
        model.sightings.recent = (0..<16).map { self.request("/日本語/\($0)/" + String(repeating: "x", count: 300)) }
        for _ in 0..<9 { model.note(.warning(String(repeating: "word ", count: 60))) }
        let lines = model.lines(columns: columns, rows: rows, seconds: 1)
        #expect(lines.count <= rows)
        #expect(lines.allSatisfy { $0.text.displayWidth <= columns })
        if rows >= 14, columns > 20 { #expect(lines.count == rows && lines.last?.text.hasPrefix("q quit") == true) }
    }

    @Test("What came with a request cannot steer the terminal")
    func escapes() {
        var model = self.model()
        model.sightings.recent = [self.request("/\u{1b}[2J\u{9b}\u{202e}x\ny\u{7}")]
        model.note(.warning("a\u{1b}]0;title\u{7}b"))
        let text = self.text(model, columns: 200)
        #expect(text.contains("/\\u{1b}[2J\\u{9b}\\u{202e}x\\u{a}y\\u{7}"))
        #expect(text.contains("a\\u{1b}]0;title\\u{7}b"))
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    }

    @Test("A Pod that was replaced is forgotten once all are up; without a tunnel the screen says so")
    func tunnels() {
        var model = self.model()
        model.note(.tunnelDown(pod: "interceptor-leaf-a", reason: "gone"))
        #expect(self.text(model).contains("interceptor-leaf-a (down), interceptor-leaf-b\n"))
        model.note(.tunnelUp(pod: "interceptor-leaf-c"))
        #expect(self.text(model).contains("tunnels  interceptor-leaf-b, interceptor-leaf-c\n"))
        for pod in ["interceptor-leaf-b", "interceptor-leaf-c"] { model.note(.tunnelDown(pod: pod, reason: "gone")) }
        #expect(self.text(model).contains("no tunnel: the original answers"))
    }
}

@Suite("The cells that text takes on a terminal")
struct DisplayWidthTests {
    @Test(
        "Wide letters take two, marks none",
        arguments: [("abc", 3), ("grüße", 5), ("e\u{301}", 1), ("日本", 4), ("☃", 1), ("\u{1F600}", 2), ("", 0)]
    )
    func width(text: String, expected: Int) {
        #expect(text.displayWidth == expected)
    }

    @Test("Text is cut between letters, with an ellipsis in the last cell")
    func fitted() {
        #expect("abcdef".fitted(to: 6) == "abcdef")
        #expect("abcdef".fitted(to: 5) == "abcd…")
        #expect("日本語".fitted(to: 4) == "日…")
        #expect("abc".fitted(to: 0) == "")
        #expect("日本語".padded(to: 4).displayWidth == 4)
        #expect("ab".padded(to: 4) == "ab  ")
    }

    @Test("Text is broken at blanks; a word that is too long is cut")
    func wrapped() {
        #expect("one two three".wrapped(to: 7, indent: "  ") == ["one two", "  three"])
        #expect("abcdefghij kl".wrapped(to: 5) == ["abcd…", "kl"])
        #expect("".wrapped(to: 5) == [""])
    }
}
