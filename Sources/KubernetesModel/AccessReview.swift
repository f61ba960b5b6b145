/// Whether the caller may do something, in the server's own words.
public struct AccessAnswer: Sendable, Hashable {
    /// Whether it is allowed.
    public var allowed: Bool
    /// Why, when the server says; often empty.
    public var reason: String

    /// An answer.
    public init(allowed: Bool, reason: String = "") {
        self.allowed = allowed
        self.reason = reason
    }
}

extension KubernetesRequest {
    /// Asks whether the caller may do something (SelfSubjectAccessReview). Changes nothing.
    public static func accessReview(
        _ verb: String,
        _ type: ResourceType,
        subresource: String? = nil,
        name: String? = nil,
        in namespace: String?
    ) -> Self {
        var attributes: [String: JSONValue] = [
            "verb": .string(verb), "group": .string(type.group), "version": .string(type.version),
            "resource": .string(type.plural),
        ]
        attributes["subresource"] = subresource.map { .string($0) }
        attributes["name"] = name.map { .string($0) }
        if type.isNamespaced { attributes["namespace"] = namespace.map { .string($0) } }
        let review = DynamicObject(
            .selfSubjectAccessReviews,
            name: "",
            ["spec": ["resourceAttributes": .object(attributes)]]
        )
        var body = review.json
        body["metadata"] = nil
        var request = Self(.post, self.segments(.selfSubjectAccessReviews, in: nil), body: body)
        request.isRepeatable = true
        return request
    }
}

extension ResourceType {
    /// Reviews of the caller's own permissions.
    public static let selfSubjectAccessReviews = ResourceType(
        group: "authorization.k8s.io",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        isNamespaced: false
    )
}
