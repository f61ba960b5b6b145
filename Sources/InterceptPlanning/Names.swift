public import KubernetesModel

/// The names Detour gives to what it creates, all derived from the namespace and the Service's name.
///
/// They are those of the documented manual clean-up, so that its `kubectl` lines work as typed.
public struct InterceptNames: Sendable, Hashable {
    /// The namespace of the Service and of everything below.
    public let namespace: String
    /// The intercepted Service.
    public let service: String

    /// The names for one Service.
    public init(namespace: String, service: String) {
        self.namespace = namespace
        self.service = service
    }

    /// The Session, `intercept-<namespace>-<service>`.
    public var session: String { "intercept-\(self.namespace)-\(self.service)" }
    /// The Deployment, the ConfigMap, and what they need.
    public var interceptor: String { "interceptor-\(self.service)" }
    /// The Service that still selects the original Pods.
    public var decoy: String { "interceptor-\(self.service)-decoy" }
}

/// Keys and values that mark what belongs to Detour.
public enum Marks {
    /// Present on interceptor Pods and in a hijacked selector, with the value `interceptor`.
    public static let appLabel = "app"
    /// The value of `appLabel`.
    public static let appValue = "interceptor"
    /// The label that carries the 40 hex digits of one hijack, as the source document spells it.
    public static let sessionLabel = "system.codezero.io/session"
    /// On a hijacked Service: what it was before, as JSON.
    public static let originalAnnotation = "detour.dev/original"
    /// On a ConfigMap that holds what usually has a kind of its own.
    public static let holdsLabel = "detour.dev/holds"
    /// The value of `holdsLabel` where that is a Session.
    public static let holdsSession = "session"
    /// On what an administrator made for the interceptors of a Service: it is used as it is, and stays.
    public static let installedLabel = "detour.dev/installed"
    /// Who is named as field manager in every write.
    public static let fieldManager = "detour"

    /// The selector of a hijacked Service.
    public static func selector(incarnation: String) -> [String: String] {
        [appLabel: appValue, sessionLabel: incarnation]
    }

    /// The label selector that finds the interceptor's Pods of one hijack.
    public static func podQuery(incarnation: String) -> String {
        "\(appLabel)=\(appValue),\(sessionLabel)=\(incarnation)"
    }
}

extension ResourceType {
    /// Detour's Sessions.
    public static let sessions = ResourceType(group: "detour.dev", kind: "Session", plural: "sessions")
}
