import KubernetesModel
import TestSupport
import Testing

/// A document, a patch, and what comes of it: nil when the patch must not apply.
struct PatchCase: Sendable, CustomTestStringConvertible {
    var document: String
    var patch: String
    var result: String?
    var testDescription: String { "\(self.document) + \(self.patch)" }

    init(_ document: String, _ patch: String, _ result: String?) {
        self.document = document
        self.patch = patch
        self.result = result
    }
}

@Suite("JSON Patch and merge patch")
struct JSONPatchTests {
    static let cases: [PatchCase] = [
        .init(#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"baz":"qux","foo":"bar"}"#),
        .init(
            #"{"foo":["bar","baz"]}"#,
            #"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
            #"{"foo":["bar","qux","baz"]}"#
        ),
        .init(#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, #"{"foo":["bar",["abc"]]}"#),
        .init(#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/2","value":1}]"#, nil),
        .init(#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/01","value":1}]"#, nil),
        .init(#"{"foo":1}"#, #"[{"op":"add","path":"","value":2}]"#, "2"),
        .init(#"{"foo":"bar"}"#, #"[{"op":"add","path":"/a/b","value":1}]"#, nil),
        .init(#"{"a":1,"b":2}"#, #"[{"op":"remove","path":"/a"}]"#, #"{"b":2}"#),
        .init(#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
        .init(#"{"a":1}"#, #"[{"op":"remove","path":"/b"}]"#, nil),
        .init(#"{"a":[1]}"#, #"[{"op":"remove","path":"/a/-"}]"#, nil),
        .init(#"{"a":1,"b":2}"#, #"[{"op":"replace","path":"/a","value":{"c":3}}]"#, #"{"a":{"c":3},"b":2}"#),
        .init(#"{"a":1}"#, #"[{"op":"replace","path":"/b","value":1}]"#, nil),
        .init(#"{"a":1}"#, #"[{"op":"replace","path":"","value":null}]"#, "null"),
        .init(
            #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{}}"#,
            #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            #"{"foo":{"bar":"baz"},"qux":{"thud":"fred"}}"#
        ),
        .init(#"{"a":["x","y","z"]}"#, #"[{"op":"move","from":"/a/0","path":"/a/2"}]"#, #"{"a":["y","z","x"]}"#),
        .init(#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a/b"}]"#, nil),
        .init(#"{"a":1}"#, #"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":1,"b":1}"#),
        .init(#"{"a":1}"#, #"[{"op":"copy","from":"/c","path":"/b"}]"#, nil),
        .init(
            #"{"a":1,"b":[1,2.0]}"#,
            #"[{"op":"test","path":"/b/0","value":1.0},{"op":"test","path":"/a","value":1}]"#,
            #"{"a":1,"b":[1,2.0]}"#
        ),
        .init(#"{"a":1}"#, #"[{"op":"test","path":"/a","value":"1"}]"#, nil),
        .init(#"{"a":null}"#, #"[{"op":"test","path":"/a","value":null}]"#, #"{"a":null}"#),
        .init(#"{}"#, #"[{"op":"test","path":"/a","value":null}]"#, nil),
        .init(
            #"{"~1":10,"a/b":1}"#,
            #"[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/a~1b"}]"#,
            #"{"~1":10}"#
        ),
        .init(#"{"a":1}"#, #"[{"op":"add","path":"b","value":1}]"#, nil),
        .init(#"{"a":1}"#, #"[{"op":"add","path":"/~2","value":1}]"#, nil),
        .init(#"{"a":1}"#, #"[{"op":"jump","path":"/a"}]"#, nil),
        .init(#"{"a":1}"#, #"[{"op":"add","path":"/a"}]"#, nil),
        .init(#"{"":{"":1}}"#, #"[{"op":"replace","path":"//","value":2}]"#, #"{"":{"":2}}"#),
        .init(#"{"a":{"b":[{"c":1}]}}"#, #"[{"op":"replace","path":"/a/b/0/c","value":2}]"#, #"{"a":{"b":[{"c":2}]}}"#),
    ]

    @Test("A patch applies whole or not at all", arguments: cases)
    func patch(_ test: PatchCase) throws {
        let document = try JSONValue(parsing: test.document)
        let operations = (try JSONValue(parsing: test.patch).array ?? []).compactMap { JSONPatchOperation(json: $0) }
        let result = try? document.applying(operations)
        #expect(result?.compact == test.result)
    }

    @Test("The error names the operation")
    func failure() {
        let document: JSONValue = ["spec": ["selector": ["app": "leaf"]]]
        let error = #expect(throws: JSONPatchError.self) {
            try document.applying([
                .add("/a", 1), .test("/spec/selector", ["app": "x"]), .replace("/spec/selector", [:]),
            ])
        }
        #expect(error?.index == 1)
        #expect(error?.reason == .testFailed)
        #expect(error?.description == "patch operation 2 (test /spec/selector): the value is another one")
    }

    @Test("Operations survive their JSON form")
    func operations() {
        let all: [JSONPatchOperation] = [
            .add("/a", 1), .remove("/a"), .replace("/a", .null), .test("/a", "x"), .move(from: "/a", to: "/b"),
            .copy(from: "/a", to: "/b"),
        ]
        #expect(all.compactMap { JSONPatchOperation(json: $0.json) } == all)
    }

    @Test(
        "A merge patch adds, replaces and removes",
        arguments: [
            PatchCase(#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            PatchCase(#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
            PatchCase(#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            PatchCase(#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            PatchCase(#"{"a":[1]}"#, #"{"a":"x"}"#, #"{"a":"x"}"#),
            PatchCase("[1]", #"{"a":1}"#, #"{"a":1}"#),
            PatchCase(#"{"e":null}"#, #"{"a":1}"#, #"{"a":1,"e":null}"#),
            PatchCase("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ]
    )
    func merge(_ test: PatchCase) throws {
        #expect(
            try JSONValue(parsing: test.document).merging(try JSONValue(parsing: test.patch)).compact == test.result
        )
    }

    @Test("Differences name every place and lead from one value to the other", arguments: 0..<100 as Range<UInt64>)
    func differences(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let before = JSONValue.random(&random, depth: 3)
        let after = JSONValue.random(&random, depth: 3)
        let found = after.differences(from: before)
        #expect(found.isEmpty == (before == after))
        for difference in found {
            #expect(before.value(at: difference.path) == difference.before)
            #expect(after.value(at: difference.path) == difference.after)
        }
    }

    @Test("A difference reads as one line")
    func differenceText() {
        let before: JSONValue = ["spec": ["replicas": 1, "a/b": ["x"]]]
        let after: JSONValue = ["spec": ["replicas": 2, "a/b": ["x", "y"]], "extra": true]
        #expect(
            after.differences(from: before).map(\.description) == [
                "/extra: absent → true", "/spec/a~1b/1: absent → \"y\"", "/spec/replicas: 1 → 2",
            ]
        )
    }
}
