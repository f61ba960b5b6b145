public import KubernetesModel

/// One line of a watch.
public enum WatchEvent: Sendable, Equatable {
    /// `ADDED` or `MODIFIED`.
    case applied(DynamicObject)
    /// `DELETED`, with the object's last state.
    case deleted(DynamicObject)
    /// `BOOKMARK`: nothing changed up to this resource version.
    case bookmark(resourceVersion: String)
    /// `ERROR`: the server gives up on this watch.
    case failure(KubernetesStatus)

    /// Reads a line; nil when it is no watch event. An unknown type is none either.
    public init?(_ json: JSONValue) {
        guard let object = json["object"] else { return nil }
        switch json["type"]?.string {
        case "ADDED", "MODIFIED": self = .applied(DynamicObject(object))
        case "DELETED": self = .deleted(DynamicObject(object))
        case "BOOKMARK": self = .bookmark(resourceVersion: DynamicObject(object).resourceVersion)
        case "ERROR":
            self = .failure(
                KubernetesStatus(object) ?? KubernetesStatus(code: 500, reason: "", message: object.compact)
            )
        default: return nil
        }
    }
}
