import KubernetesModel

/// Who is given a Role: an entry in `subjects` of a RoleBinding.
public struct Subject: Sendable, Hashable {
    /// What the name is a name of.
    public enum Kind: String, Sendable, Hashable {
        /// A name that the API server's authentication gives, such as a certificate's common name.
        case user = "User"
        /// A group that it gives, such as one of an identity provider.
        case group = "Group"
        /// A ServiceAccount.
        case serviceAccount = "ServiceAccount"
    }

    /// What the name is a name of.
    public var kind: Kind
    /// The name.
    public var name: String
    /// A ServiceAccount's namespace; nil for the others.
    public var namespace: String?

    /// A user or a group; nil when the name is empty.
    public init?(_ kind: Kind, _ name: String) {
        guard !name.isEmpty else { return nil }
        self.kind = kind
        self.name = name
    }

    /// A ServiceAccount as it is typed; nil when a part is empty.
    ///
    /// - Parameters:
    ///   - text: `NAME`, or `NAMESPACE:NAME` as kubectl has it.
    ///   - namespace: where it is, when the text does not say.
    public init?(serviceAccount text: String, in namespace: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let name = parts.last else { return nil }
        self.kind = .serviceAccount
        self.name = name
        self.namespace = parts.count == 2 ? parts[0] : namespace
    }

    /// As the API server returns it, so that an unchanged binding compares equal.
    var json: JSONValue {
        var subject: [String: JSONValue] = ["kind": .string(self.kind.rawValue), "name": .string(self.name)]
        if let namespace {
            subject["namespace"] = .string(namespace)
        } else {
            subject["apiGroup"] = .string(ResourceType.roles.group)
        }
        return .object(subject)
    }
}
