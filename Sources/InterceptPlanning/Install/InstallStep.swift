public import KubernetesModel

/// What one object of an installation needs, given what is there.
public struct InstallStep: Sendable, Hashable {
    /// What becomes of the object.
    public enum Outcome: String, Sendable, Hashable {
        /// There is none yet.
        case created
        /// There is one that says something else.
        case changed
        /// All that is wanted is there.
        case unchanged
    }

    /// The object.
    public var item: Installation.Item
    /// What becomes of it.
    public var outcome: Outcome
    /// What changes; empty unless the outcome is `changed`.
    public var differences: [JSONDifference]

    /// The resource version that was judged; empty when nothing was there.
    private var resourceVersion: String

    /// Judges what is there.
    ///
    /// Fields that the manifest does not have are left alone: the API server's defaults, other people's labels.
    ///
    /// - Parameters:
    ///   - item: what is wanted.
    ///   - found: what is there under its name; nil for nothing.
    /// - Throws: ``PlanningError`` of code `foreignObject` when that is somebody else's, an intercept's, or being deleted.
    public init(_ item: Installation.Item, found: DynamicObject?) throws {
        self.item = item
        guard let found else {
            self.outcome = .created
            self.differences = []
            self.resourceVersion = ""
            return
        }
        guard !found.isTerminating else { throw PlanningError.terminating(item) }
        // The definition has a name that nobody else can mean, and the first intercept makes it without labels.
        guard item.type == .customResourceDefinitions || InterceptManifests.isOurs(found) else {
            throw PlanningError.foreign(item)
        }
        // It goes with the Session that owns it, and so would what is merged into it.
        guard found[path: "metadata", "ownerReferences"] == nil else { throw PlanningError.inUse(item) }
        self.differences = found.json.merging(item.manifest.json).differences(from: found.json)
        self.outcome = self.differences.isEmpty ? .unchanged : .changed
        self.resourceVersion = found.resourceVersion
    }

    /// The verb on the resource that carries it out; nil when there is nothing to do.
    public var permission: Permission? {
        switch self.outcome {
        case .created: Permission(verb: "create", type: self.item.type)
        case .changed: Permission(verb: "patch", type: self.item.type)
        case .unchanged: nil
        }
    }

    /// The change of an object that is there: a compare-and-swap, so that what was judged is what is changed.
    public var patch: Patch {
        var manifest = self.item.manifest.json
        manifest["metadata"]?["resourceVersion"] = .string(self.resourceVersion)
        return .merge(manifest)
    }

    /// The step as data.
    public var json: JSONValue {
        var json: JSONValue = [
            "outcome": .string(self.outcome.rawValue),
            "kind": .string(self.item.type.kind),
            "name": .string(self.item.manifest.name),
            "differences": .array(self.differences.map { .string($0.description) }),
        ]
        json["namespace"] = self.item.manifest.namespace.map { .string($0) }
        return json
    }
}

extension Installation.Item {
    /// The verb on the resource by which it is looked at.
    public var reading: Permission { Permission(verb: "get", type: self.type) }
}

extension Installation.Item: CustomStringConvertible {
    /// Kind, name and namespace.
    public var description: String {
        let place = self.manifest.namespace.map { " in namespace \($0)" } ?? ""
        return "\(self.type.kind) \(self.manifest.name)\(place)"
    }
}

extension PlanningError.Code {
    /// An object of a name that Detour would use is somebody else's, or on its way out.
    public static let foreignObject = PlanningError.Code(name: "foreign-object")
}

extension PlanningError {
    fileprivate static func foreign(_ item: Installation.Item) -> PlanningError {
        let (key, value) = InterceptManifests.managedBy
        return PlanningError(
            .foreignObject,
            "\(item) exists and was not made by Detour: it lacks the label \(key)=\(value). Delete it if nothing else "
                + "needs it, or label it so to have its contents replaced, and try again"
        )
    }

    fileprivate static func inUse(_ item: Installation.Item) -> PlanningError {
        PlanningError(
            .foreignObject,
            "\(item) belongs to an intercept that goes on; end that first (detour session list, detour session close), "
                + "and try again"
        )
    }

    fileprivate static func terminating(_ item: Installation.Item) -> PlanningError {
        PlanningError(
            .foreignObject,
            "\(item) is being deleted; try again when it is gone (its finalizers, if any, say what it waits for)"
        )
    }
}
