import KubernetesModel
import Testing

@Suite("Label selectors")
struct LabelSelectorTests {
    private static let labels = ["app": "leaf", "tier": "backend"]

    private static func expression(_ key: String, _ relation: String, _ values: [JSONValue] = []) -> JSONValue {
        ["matchExpressions": [["key": .string(key), "operator": .string(relation), "values": .array(values)]]]
    }

    @Test(
        "What is selected follows the API's definition",
        arguments: [
            ([:], true),
            (["matchLabels": ["app": "leaf"]], true),
            (["matchLabels": ["app": "leaf", "tier": "backend"]], true),
            (["matchLabels": ["app": "leaf", "zone": "a"]], false),
            (["matchLabels": ["app": "core"]], false),
            (expression("app", "In", ["core", "leaf"]), true),
            (expression("app", "In", ["core"]), false),
            (expression("zone", "In", ["a"]), false),
            (expression("app", "NotIn", ["core"]), true),
            (expression("app", "NotIn", ["leaf"]), false),
            (expression("zone", "NotIn", ["a"]), true),
            (expression("app", "Exists"), true),
            (expression("zone", "Exists"), false),
            (expression("zone", "DoesNotExist"), true),
            (expression("app", "DoesNotExist"), false),
        ] as [(JSONValue, Bool)]
    )
    func matches(selector: JSONValue, isSelected: Bool) throws {
        #expect(try #require(LabelSelector(selector)).matches(Self.labels) == isSelected, "\(selector)")
    }

    @Test("Labels and expressions must all hold")
    func both() throws {
        var json = Self.expression("zone", "Exists")
        json["matchLabels"] = ["app": "leaf"]
        #expect(try #require(LabelSelector(json)).matches(Self.labels) == false)
    }

    @Test(
        "What is no selector is none",
        arguments: ["app", expression("app", "Like", ["l*"]), ["matchExpressions": [["operator": "In"]]]] as [JSONValue]
    )
    func malformed(json: JSONValue) {
        #expect(LabelSelector(json) == nil)
    }

    @Test(
        "A witness is selected by its selector",
        arguments: [
            [:], ["matchLabels": ["app": "leaf"]], expression("app", "In", ["core", "leaf"]),
            expression("app", "NotIn", ["core"]), expression("zone", "Exists"), expression("zone", "DoesNotExist"),
        ] as [JSONValue]
    )
    func witness(json: JSONValue) throws {
        let selector = try #require(LabelSelector(json))
        #expect(selector.matches(try #require(selector.witness)))
    }

    @Test("A selector that contradicts itself has no witness")
    func contradiction() throws {
        var json = Self.expression("app", "DoesNotExist")
        json["matchLabels"] = ["app": "leaf"]
        #expect(try #require(LabelSelector(json)).witness == nil)
    }
}
