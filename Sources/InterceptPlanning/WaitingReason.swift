public import KubernetesModel

/// Why a Pod's container waits, where that will not pass by itself.
public struct WaitingReason: Sendable, Hashable {
    /// The kubelet's word, such as `ImagePullBackOff`.
    public var reason: String
    /// The kubelet's sentence; may be empty.
    public var message: String
    /// Whether the image cannot be had; else the program does not start.
    public var isImagePull: Bool

    private static let imagePulls: Set = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
    private static let starts: Set = [
        "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
    ]

    /// The reason of a Pod's first container that has one; nil while there is hope.
    public init?(of pod: DynamicObject) {
        for container in pod[path: "status", "containerStatuses"]?.array ?? [] {
            guard let waiting = container[path: "state", "waiting"], let reason = waiting["reason"]?.string,
                Self.imagePulls.contains(reason) || Self.starts.contains(reason)
            else { continue }
            self.reason = reason
            self.message = waiting["message"]?.string ?? ""
            self.isImagePull = Self.imagePulls.contains(reason)
            return
        }
        return nil
    }
}
