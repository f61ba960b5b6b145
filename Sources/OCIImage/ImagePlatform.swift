/// The operating system and the machine an image is for, in the words of Go and of the image specification.
public struct ImagePlatform: Hashable, Sendable, CustomStringConvertible {
    /// Always `linux`.
    public let operatingSystem = "linux"
    /// `amd64`, `arm64`, `riscv64` or `ppc64le`.
    public var architecture: String

    /// The form used on command lines, such as `linux/amd64`.
    public var description: String { "\(self.operatingSystem)/\(self.architecture)" }

    /// The platform of an ELF machine number, nil when Kubernetes has none for it.
    init?(machine: UInt16) {
        switch machine {
        case 21: self.architecture = "ppc64le"
        case 62: self.architecture = "amd64"
        case 183: self.architecture = "arm64"
        case 243: self.architecture = "riscv64"
        default: return nil
        }
    }
}
