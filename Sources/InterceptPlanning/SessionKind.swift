public import KubernetesModel

/// What kind of object holds a Session.
///
/// The raw value is how kubectl names the kind, and how the annotation of a hijacked Service says where its Session is.
public enum SessionKind: String, Sendable, Hashable, CaseIterable {
    /// One of the kind that Detour defines (``SessionDefinition``).
    case resource = "sessions.detour.dev"
    /// A ConfigMap, where the cluster does not know that kind and the user may not make it known.
    case configMap = "configmaps"

    /// The kind of an object as the API server returned it.
    public init(of object: DynamicObject) {
        self = object.kind == ResourceType.configMaps.kind ? .configMap : .resource
    }

    /// The resource.
    public var type: ResourceType {
        switch self {
        case .resource: .sessions
        case .configMap: .configMaps
        }
    }

    /// The label selector that finds Sessions among the objects of this kind; nil for all of them.
    public var query: String? {
        switch self {
        case .resource: nil
        case .configMap: "\(Marks.holdsLabel)=\(Marks.holdsSession)"
        }
    }

    /// Whether an object of this kind is meant to hold a Session: a ConfigMap of that name may be anybody's.
    public func isSession(_ object: DynamicObject) -> Bool {
        switch self {
        case .resource: true
        case .configMap: object.labels[Marks.holdsLabel] == Marks.holdsSession
        }
    }
}

/// Where a new Session would be kept, as the cluster is and as the user's rights are.
public enum SessionHome: Sendable, Hashable {
    /// As a Session: the cluster knows them.
    case resource
    /// As a Session, once the user has made the definition that is missing.
    case resourceOnceDefined
    /// In a ConfigMap: the definition is missing, and the user may not make it.
    case configMap

    /// The home of a Session that is there.
    public init(_ kind: SessionKind) {
        switch kind {
        case .resource: self = .resource
        case .configMap: self = .configMap
        }
    }

    /// What kind of object that is.
    public var kind: SessionKind { self == .configMap ? .configMap : .resource }
}
