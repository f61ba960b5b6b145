public import KubernetesModel

/// A program that hands out credentials (`exec` in a kubeconfig; client.authentication.k8s.io).
public struct ExecPlugin: Sendable, Hashable {
    /// Which form of the document is spoken. The two differ by name only.
    public enum Version: String, Sendable, Hashable {
        /// Since Kubernetes 1.22.
        case v1 = "client.authentication.k8s.io/v1"
        /// Until then, and in most kubeconfigs.
        case v1beta1 = "client.authentication.k8s.io/v1beta1"
    }

    /// Whether the program may talk to the user.
    public enum Interaction: String, Sendable, Hashable {
        /// It never needs to.
        case never = "Never"
        /// It does when there is a terminal.
        case ifAvailable = "IfAvailable"
        /// It cannot work without a terminal.
        case always = "Always"
    }

    /// The form of the document.
    public var version: Version
    /// A path when it has a slash in it, else a name that `PATH` finds.
    public var command: String
    /// Its arguments.
    public var arguments: [String]
    /// Added to this process's own environment variables.
    public var environment: [String: String]
    /// How to get the program, shown when it is not there.
    public var installHint: String?
    /// Whether it may talk to the user.
    public var interaction: Interaction
    /// `spec.cluster` of what it is told; nil when it is not told of the cluster.
    public var cluster: JSONValue?
    /// How long it may run; nil for a minute, or five when it talks to the user.
    public var deadline: Duration?

    /// A program by its parts.
    public init(
        version: Version = .v1,
        command: String,
        arguments: [String] = [],
        environment: [String: String] = [:],
        installHint: String? = nil,
        interaction: Interaction = .ifAvailable,
        cluster: JSONValue? = nil,
        deadline: Duration? = nil
    ) {
        self.version = version
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.installHint = installHint
        self.interaction = interaction
        self.cluster = cluster
        self.deadline = deadline
    }

    /// What `KUBERNETES_EXEC_INFO` says.
    func information(isInteractive: Bool) -> JSONValue {
        var spec: JSONValue = ["interactive": .bool(isInteractive)]
        spec["cluster"] = self.cluster
        return ["apiVersion": .string(self.version.rawValue), "kind": "ExecCredential", "spec": spec]
    }
}

extension ExecPlugin: CustomStringConvertible {
    /// The command alone: secrets are passed in arguments and environment variables.
    public var description: String { "credential plugin \"\(self.command)\"" }
}
