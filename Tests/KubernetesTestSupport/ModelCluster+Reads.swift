import KubernetesModel

extension ModelCluster {
    func get(_ target: RequestTarget) -> Answer {
        guard let object = self.objects[target.key()] else { return self.missing(target) }
        return Answer(status: 200, body: object.json)
    }

    func missing(_ target: RequestTarget) -> Answer {
        .failure(404, "NotFound", "\(target.collection.plural) \"\(target.name ?? "")\" not found")
    }

    func list(_ target: RequestTarget, _ request: KubernetesRequest) -> Answer {
        var matching = self.sorted(target.collection, in: target.namespace)
        let selector = ModelSelector(request)
        matching = matching.filter { selector.matches($0.value) }
        var offset = 0
        var version = self.version
        if let token = request.query.first(where: { $0.name == "continue" })?.value {
            let parts = token.split(separator: ":").compactMap { Int($0) }
            guard parts.count == 2, parts[0] >= self.oldestVersion else {
                return .failure(410, "Expired", "The provided continue parameter is too old")
            }
            version = parts[0]
            offset = parts[1]
        }
        let limit = request.query.first { $0.name == "limit" }.flatMap { Int($0.value) } ?? Int.max
        let page = matching.dropFirst(offset).prefix(limit)
        var metadata: JSONValue = ["resourceVersion": .string(String(version))]
        if offset + page.count < matching.count { metadata["continue"] = .string("\(version):\(offset + page.count)") }
        let items = page.map { entry in
            // A real server leaves these two out of the items of built-in lists.
            var item = entry.value.json
            item["apiVersion"] = nil
            item["kind"] = nil
            return item
        }
        return Answer(status: 200, body: ["kind": "List", "metadata": metadata, "items": .array(items)])
    }
}

/// The selectors of a list or watch.
struct ModelSelector {
    private var labels: [Substring]
    private var fields: [Substring]

    init(_ request: KubernetesRequest) {
        func terms(_ name: String) -> [Substring] {
            request.query.first { $0.name == name }?.value.split(separator: ",") ?? []
        }
        self.labels = terms("labelSelector")
        self.fields = terms("fieldSelector")
    }

    func matches(_ object: DynamicObject) -> Bool {
        self.labels.allSatisfy { Self.holds($0) { object.labels[$0] } }
            && self.fields.allSatisfy { term in
                Self.holds(term) { name in
                    object.json.value(at: "/" + name.replacing(".", with: "/"))?.string
                }
            }
    }

    private static func holds(_ term: Substring, _ value: (String) -> String?) -> Bool {
        if let range = term.firstRange(of: "!=") {
            return value(String(term[..<range.lowerBound])) != String(term[range.upperBound...])
        }
        if let range = term.firstRange(of: "==") ?? term.firstRange(of: "=") {
            return value(String(term[..<range.lowerBound])) == String(term[range.upperBound...])
        }
        return value(String(term)) != nil
    }
}

extension ModelCluster.Change {
    /// The line of a watch that tells this change to a reader with these selectors; nil when it is none of theirs.
    func line(for request: KubernetesRequest) -> JSONValue? {
        guard let target = RequestTarget(request.segments), target.collection == self.collection else { return nil }
        guard target.namespace == nil || target.namespace == self.shown.namespace else { return nil }
        let selector = ModelSelector(request)
        let was = self.before.map(selector.matches) ?? false
        let isNow = self.after.map(selector.matches) ?? false
        guard was || isNow else { return nil }
        return ["type": isNow ? (was ? "MODIFIED" : "ADDED") : "DELETED", "object": self.shown.json]
    }
}
