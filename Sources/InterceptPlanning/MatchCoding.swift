import KubernetesModel
import TrafficMatch

/// A match as it stands in a Session, for people to read with kubectl:
///
///     match:
///       headers: [{name: x-c6o-intercept, value: yes}, {name: x-user, prefix: al}]
///       path: [{prefix: /api}]
///       method: GET
///       query: [{name: debug, present: true}]
///
/// or `all: true` for whole connections. Of `value`, `prefix`, `regex` and `present` each condition has exactly one.
extension RequestMatch {
    /// Nil when anything in it is not understood: a condition that is passed over would widen what the route takes.
    init?(_ json: JSONValue) {
        guard let members = json.object else { return nil }
        if members["all"] == true, members.count == 1 {
            self = .everything
            return
        }
        var conditions: [Condition] = []
        do {
            for (name, value) in members { conditions += try Self.conditions(name, value) }
            try self.init(conditions)
        } catch {
            return nil
        }
    }

    private struct NotUnderstood: Error {}

    private static func conditions(_ name: String, _ json: JSONValue) throws -> [Condition] {
        if name == "method" {
            guard let method = json.string else { throw NotUnderstood() }
            return [.method(try MethodMatch(method))]
        }
        guard let entries = json.array else { throw NotUnderstood() }
        switch (name, MemberMatch.List(rawValue: name)) {
        case ("headers", _):
            return try entries.map { .header(try HeaderMatch(name: try Self.name(of: $0), Self.test(of: $0))) }
        case ("path", _):
            return try entries.map { .path(try PathMatch(Self.test(of: $0))) }
        case (_, let list?):
            return try entries.map { .member(try MemberMatch(list, key: try Self.name(of: $0), Self.test(of: $0))) }
        default: throw NotUnderstood()
        }
    }

    private static func name(of json: JSONValue) throws -> String {
        guard let name = json["name"]?.string else { throw NotUnderstood() }
        return name
    }

    private static func test(of json: JSONValue) throws -> ValueTest {
        let tests = (json.object ?? [:]).filter { $0.key != "name" }
        guard let (key, value) = tests.first, tests.count == 1 else { throw NotUnderstood() }
        switch (key, value) {
        case ("value", .string(let text)): return .exact(text)
        case ("prefix", .string(let text)): return .prefix(text)
        case ("regex", .string(let text)): return .regex(try Pattern(text))
        case ("present", true): return .present
        default: throw NotUnderstood()
        }
    }

    /// The match as it stands in a Session.
    var json: JSONValue {
        guard !self.takesEverything else { return ["all": true] }
        var members: [String: JSONValue] = [:]
        func add(_ list: String, _ name: String?, _ test: ValueTest) {
            var entry = test.json
            if let name { entry["name"] = .string(name) }
            members[list] = .array((members[list]?.array ?? []) + [.object(entry)])
        }
        for condition in self.conditions {
            switch condition {
            case .header(let header): add("headers", header.name, header.test)
            case .member(let member): add(member.list.rawValue, member.key, member.test)
            case .path(let path): add("path", nil, path.test)
            case .method(let method): members["method"] = .string(method.name)
            }
        }
        return .object(members)
    }
}

extension ValueTest {
    fileprivate var json: [String: JSONValue] {
        switch self {
        case .exact(let value): ["value": .string(value)]
        case .prefix(let value): ["prefix": .string(value)]
        case .regex(let pattern): ["regex": .string(pattern.source)]
        case .present: ["present": true]
        }
    }
}
