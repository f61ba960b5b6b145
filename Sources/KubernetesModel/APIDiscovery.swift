/// Which resource types a server has, in which versions: what `/api` and `/apis` tell.
public struct APIDiscovery: Sendable, Hashable {
    /// A version of a group, with its resources in the order the server names them.
    public struct GroupVersion: Sendable, Hashable {
        /// The group; empty for the core group.
        public var group: String
        /// The version.
        public var version: String
        /// Its resource types, subresources aside.
        public var resources: [ResourceType]
        /// Whether the server behind it cannot be asked now, so that resources may be missing.
        public var isStale: Bool

        /// A version of a group.
        public init(group: String, version: String, resources: [ResourceType], isStale: Bool = false) {
            self.group = group
            self.version = version
            self.resources = resources
            self.isStale = isStale
        }

        /// `v1` or `group/v1`.
        public var apiVersion: String { self.group.isEmpty ? self.version : "\(self.group)/\(self.version)" }
    }

    /// Every version of every group, the server's preferred version of a group first.
    public var groupVersions: [GroupVersion]

    /// What a server has.
    public init(_ groupVersions: [GroupVersion] = []) {
        self.groupVersions = groupVersions
    }

    /// Whether the server has a resource type in exactly this version.
    public func serves(_ type: ResourceType) -> Bool {
        self.groupVersions.contains {
            $0.apiVersion == type.apiVersion && $0.resources.contains { $0.plural == type.plural }
        }
    }

    /// The first of several versions of a type that the server has; nil for none.
    ///
    /// - Parameter candidates: the type in the versions that the caller can handle, the best one first.
    public func first(of candidates: [ResourceType]) -> ResourceType? {
        candidates.first { self.serves($0) }
    }

    /// The resource types of a name, one a group, each in the server's preferred version.
    public func types(named plural: String) -> [ResourceType] {
        var groups: Set<String> = []
        return self.groupVersions.flatMap { version in
            version.resources.filter { $0.plural == plural && groups.insert($0.group).inserted }
        }
    }
}

extension APIDiscovery {
    /// Reads the aggregated form (`APIGroupDiscoveryList` of apidiscovery.k8s.io, `v2` and `v2beta1`), which tells all
    /// resources at once; nil when the value is of another kind.
    public init?(aggregated json: JSONValue) {
        guard json["kind"]?.string == "APIGroupDiscoveryList" else { return nil }
        self.init(
            (json["items"]?.array ?? []).flatMap { item in
                let group = item[path: "metadata", "name"]?.string ?? ""
                return (item["versions"]?.array ?? []).compactMap { Self.version($0, group: group) }
            }
        )
    }

    private static func version(_ json: JSONValue, group: String) -> GroupVersion? {
        guard let version = json["version"]?.string else { return nil }
        let resources = (json["resources"]?.array ?? []).compactMap { resource -> ResourceType? in
            // A resource without a kind is there for its subresources only.
            guard let plural = resource["resource"]?.string, let kind = resource[path: "responseKind", "kind"]?.string,
                !kind.isEmpty
            else { return nil }
            let isNamespaced = resource["scope"]?.string == "Namespaced"
            return ResourceType(group: group, version: version, kind: kind, plural: plural, isNamespaced: isNamespaced)
        }
        let isStale = json["freshness"]?.string == "Stale"
        return GroupVersion(group: group, version: version, resources: resources, isStale: isStale)
    }

    /// Reads which versions there are from the older form of `/api` (`APIVersions`) or `/apis` (`APIGroupList`), resources
    /// still unknown; nil when the value is neither.
    public init?(groups json: JSONValue) {
        switch json["kind"]?.string {
        case "APIVersions":
            let versions = (json["versions"]?.array ?? []).compactMap(\.string)
            self.init(versions.map { GroupVersion(group: "", version: $0, resources: []) })
        case "APIGroupList":
            self.init(
                (json["groups"]?.array ?? []).flatMap { group in
                    let name = group["name"]?.string ?? ""
                    let preferred = group[path: "preferredVersion", "version"]?.string
                    let versions = (group["versions"]?.array ?? []).compactMap { $0["version"]?.string }
                    let sorted = versions.filter { $0 == preferred } + versions.filter { $0 != preferred }
                    return sorted.map { GroupVersion(group: name, version: $0, resources: []) }
                }
            )
        default: return nil
        }
    }
}

extension APIDiscovery.GroupVersion {
    /// Takes over the resources of an `APIResourceList`, the older form of one version.
    public mutating func read(resources json: JSONValue) {
        self.resources = (json["resources"]?.array ?? []).compactMap { resource in
            guard let name = resource["name"]?.string, !name.contains("/"), let kind = resource["kind"]?.string else {
                return nil
            }
            return ResourceType(
                group: self.group,
                version: self.version,
                kind: kind,
                plural: name,
                isNamespaced: resource["namespaced"]?.bool ?? false
            )
        }
    }
}
