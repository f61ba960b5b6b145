/// How a program ended.
public enum CommandEnd: Sendable, Hashable, CustomStringConvertible {
    /// By itself, with this exit status (0 to 255).
    case exited(Int32)
    /// By this signal.
    case killed(Int32)

    /// What waitpid(2) tells.
    init(waitStatus raw: Int32) {
        let signal = raw & 0x7f
        self = signal == 0 ? .exited((raw >> 8) & 0xff) : .killed(signal)
    }

    /// The exit status a shell would show: 128 and the signal's number for a program that was killed.
    public var code: Int32 {
        switch self {
        case .exited(let status): status
        case .killed(let signal): 128 + signal
        }
    }

    /// As in `ended with status 1`.
    public var description: String {
        switch self {
        case .exited(let status): "ended with status \(status)"
        case .killed(let signal): "was ended by signal \(signal)"
        }
    }
}
