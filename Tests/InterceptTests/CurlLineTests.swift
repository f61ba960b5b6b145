import Intercept
import Testing
import TrafficMatch

@Suite("A curl command to be explained")
struct CurlLineTests {
    @Test("is the request that curl would send")
    func request() throws {
        let line = try CurlLine([
            "curl", "-sSH", "X-Dev: bob", "-b", "a=1", "http://leaf.shop:8080/n/7?x=1", "-A", "mine",
        ])
        #expect(line.port == 8080 && line.host == "leaf.shop")
        #expect(line.request.method == "GET" && line.request.target == "/n/7?x=1")
        #expect(
            line.request.fields == [
                .init("Host", "leaf.shop:8080"), .init("Accept", "*/*"), .init("X-Dev", "bob"), .init("Cookie", "a=1"),
                .init("User-Agent", "mine"),
            ]
        )
    }

    @Test(
        "has the method and target that its options come to",
        arguments: [
            ("curl leaf", "GET", "/"), ("curl -d a=b http://leaf/x", "POST", "/x"),
            ("curl -XPUT -d a leaf/x", "PUT", "/x"),
            ("curl -G -d a=b -d c=d leaf/x?e=f", "GET", "/x?e=f&a=b&c=d"), ("curl -I leaf", "HEAD", "/"),
            ("curl --json {} leaf", "POST", "/"), ("curl -T file leaf/put", "PUT", "/put"),
            ("curl -o out -m 5 leaf/%20", "GET", "/%20"),
            ("curl -Fa=b leaf", "POST", "/"),
        ]
    )
    func methods(text: String, method: String, target: String) throws {
        let request = try CurlLine(text.split(separator: " ").map(String.init)).request
        #expect(request.method == method && request.target == target)
    }

    @Test("may leave out or empty a field")
    func fields() throws {
        let fields = try CurlLine(["curl", "-H", "Accept:", "-H", "X-Empty;", "https://leaf"]).request.fields
        #expect(fields.map(\.name) == ["Host", "User-Agent", "X-Empty"])
    }

    @Test(
        "is refused with the part that cannot be read",
        arguments: [
            ("wget http://leaf", "curl command"), ("curl", "no URL"), ("curl a b", "two URLs"), ("curl -H", "no value"),
            ("curl --fancy leaf", "--fancy"), ("curl ftp://leaf", "no http"), ("curl -H nonsense leaf", "NAME: VALUE"),
            ("curl -b jar.txt leaf", "cookies"), ("curl http://", "no http"),
        ]
    )
    func refused(text: String, part: String) {
        let error = #expect(throws: InterceptError.self) { try CurlLine(text.split(separator: " ").map(String.init)) }
        #expect(error?.description.contains(part) == true, "\(error.map(String.init(describing:)) ?? "")")
    }

    @Test(
        "is split as a shell splits it",
        arguments: [
            ("curl 'a b' \"c 'd'\" e\\ f", ["curl", "a b", "c 'd'", "e f"]),
            ("curl \\\n  -H 'x: y'  \\\r\n  z", ["curl", "-H", "x: y", "z"]), ("a''b \"\" c", ["ab", "", "c"]),
            ("$'it\\'s \\u0041\\n'", ["it's A\n"]), ("\"a\\\"b\\n\"", ["a\"b\\n"]), ("", []),
        ] as [(String, [String])]
    )
    func splits(line: String, words: [String]) throws {
        #expect(try ShellWords.split(line) == words)
    }

    @Test(
        "is refused when only a shell could read it",
        arguments: ["curl $X", "a 'b", "a \"b", "a | b", "a \"$(b)\"", "a\\"]
    )
    func needsShell(line: String) {
        #expect(throws: InterceptError.self) { try ShellWords.split(line) }
    }
}
