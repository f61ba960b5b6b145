/// A `LabelSelector` of the API: which objects belong to something, by their labels.
public struct LabelSelector: Sendable, Hashable {
    /// One entry of `matchExpressions`.
    public struct Requirement: Sendable, Hashable {
        /// How the label's value is judged.
        public enum Operator: String, Sendable, Hashable {
            /// The label is there, with one of the values.
            case isIn = "In"
            /// The label is absent, or has none of the values.
            case isNotIn = "NotIn"
            /// The label is there.
            case exists = "Exists"
            /// The label is absent.
            case isAbsent = "DoesNotExist"
        }

        /// The label's key.
        public var key: String
        /// How its value is judged.
        public var relation: Operator
        /// What it is compared with; empty for the last two operators.
        public var values: [String]
    }

    /// Labels that must be there with these values.
    public var labels: [String: String]
    /// What else must hold.
    public var requirements: [Requirement]

    /// The selector that selects exactly these labels; without any it selects everything.
    public init(labels: [String: String]) {
        self.labels = labels
        self.requirements = []
    }

    /// The selector that `json` holds, `{}` being the one that selects everything; nil when it is none, or has an
    /// operator that is not known.
    public init?(_ json: JSONValue) {
        guard json.object != nil else { return nil }
        self.labels = json["matchLabels"]?.strings ?? [:]
        self.requirements = []
        for expression in json["matchExpressions"]?.array ?? [] {
            guard
                let key = expression["key"]?.string,
                let relation = expression["operator"]?.string.flatMap(Requirement.Operator.init(rawValue:))
            else { return nil }
            let values = (expression["values"]?.array ?? []).compactMap(\.string)
            self.requirements.append(Requirement(key: key, relation: relation, values: values))
        }
    }

    /// Whether an object with these labels is selected.
    public func matches(_ labels: [String: String]) -> Bool {
        self.labels.allSatisfy { labels[$0.key] == $0.value } && self.requirements.allSatisfy { $0.holds(for: labels) }
    }

    /// Labels that the selector selects: a witness for "whoever it is for". Nil when it contradicts itself.
    public var witness: [String: String]? {
        var labels = self.labels
        for requirement in self.requirements where labels[requirement.key] == nil {
            switch requirement.relation {
            case .isIn: labels[requirement.key] = requirement.values.first
            case .exists: labels[requirement.key] = ""
            case .isNotIn, .isAbsent: continue
            }
        }
        return self.matches(labels) ? labels : nil
    }
}

extension LabelSelector.Requirement {
    func holds(for labels: [String: String]) -> Bool {
        let value = labels[self.key]
        return switch self.relation {
        case .isIn: value.map(self.values.contains) ?? false
        case .isNotIn: !(value.map(self.values.contains) ?? false)
        case .exists: value != nil
        case .isAbsent: value == nil
        }
    }
}
