import HTTPWire
import TrafficMatch

/// Reads what a route wants of a request: the same conditions that `detour intercept` knows, by the same names.
enum GatewayMatch {
    private static let keys = [
        "header", "header-prefix", "header-regex", "header-present", "cookie", "query", "path", "path-prefix",
        "path-regex", "method",
    ]

    static func match(_ field: YAMLField) throws(GatewayFileError) -> RequestMatch {
        let members = try field.members(Self.keys)
        var conditions: [Condition] = []
        for key in Self.keys {
            guard let member = members[key] else { continue }
            for value in try member.texts() {
                let text = try value.text()
                if key == "path" || key == "path-prefix" { try Self.checkSpelling(text, value) }
                conditions.append(try Self.told(value) { () throws(MatchError) in try Self.condition(key, text) })
            }
        }
        return try Self.told(field) { () throws(MatchError) in try RequestMatch(conditions) }
    }

    /// Paths are compared in their normal form: what is written in another would take no request.
    private static func checkSpelling(_ path: String, _ field: YAMLField) throws(GatewayFileError) {
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/"), !bytes.contains(UInt8(ascii: "?")) else { return }
        switch bytes.withUnsafeBytes({ ByteView($0).normalTarget(ByteRange(0, $0.count)) }) {
        case .same: return
        case .rewritten(let normal):
            throw field.error(
                "write it as \(String(decoding: normal, as: UTF8.self)), the form that paths are compared in"
            )
        case .refused: throw field.error("no request has this path: what servers read in two ways is refused")
        }
    }

    private static func condition(_ key: String, _ text: String) throws(MatchError) -> Condition {
        switch key {
        case "header": .header(try HeaderMatch(parsing: text))
        case "header-prefix": .header(try HeaderMatch(parsing: text) { .prefix($0) })
        case "header-regex":
            .header(try HeaderMatch(parsing: text) { (value) throws(MatchError) in .regex(try Pattern(value)) })
        case "header-present": .header(try HeaderMatch(name: text, .present))
        case "cookie": .member(try MemberMatch(.cookie, parsing: text))
        case "query": .member(try MemberMatch(.query, parsing: text))
        case "path": .path(try PathMatch(.exact(text)))
        case "path-prefix": .path(try PathMatch(.prefix(text)))
        case "path-regex": .path(try PathMatch(.regex(Pattern(text))))
        default: .method(try MethodMatch(text))
        }
    }

    /// What is wrong with a value, with its place.
    private static func told<Value>(
        _ field: YAMLField,
        _ body: () throws(MatchError) -> Value
    ) throws(GatewayFileError) -> Value {
        do { return try body() } catch { throw field.error("\(error)") }
    }
}
