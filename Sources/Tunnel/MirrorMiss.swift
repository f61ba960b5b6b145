/// Why an exchange that a mirror matched was not copied whole to the laptop.
public enum MirrorMiss: UInt8, Sendable, Hashable, CaseIterable {
    /// The request or the response is longer than is copied.
    case tooLong = 1
    /// As many copies as may be were under way, or as many bytes.
    case busy = 2
    /// The laptop's tunnel was down, or did not take the copy.
    case unreachable = 3
    /// The request or the response was cut short, or was not well-formed.
    case cutShort = 4
    /// It asked for another protocol, as WebSocket does.
    case upgrade = 5

    /// The word shown in metrics and events.
    public var token: String {
        switch self {
        case .tooLong: "too-long"
        case .busy: "busy"
        case .unreachable: "unreachable"
        case .cutShort: "cut-short"
        case .upgrade: "upgrade"
        }
    }
}
