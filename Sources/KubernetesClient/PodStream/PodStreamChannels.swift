import NIOCore

/// What the channels of a pod's stream mean; each message belongs to the one its first byte names.
protocol PodStreamChannels {
    /// What is done, for messages, as in `port-forward to`.
    static var verb: String { get }

    init()

    /// A piece of a message; nil when it means nothing by itself.
    mutating func receive(_ bytes: ByteBuffer, isFirst: Bool) -> PodStreamOutput?

    /// The message is complete.
    mutating func endMessage() -> PodStreamOutput?
}

/// What a piece of a message means.
enum PodStreamOutput: Equatable {
    /// Bytes from the pod.
    case data(ByteBuffer)
    /// The pod's side failed, and says why.
    case failure(String)
    /// The command has ended, and how.
    case ended(CommandStatus)
    /// The server breaks the rules.
    case violation(String)
}

/// How a command in a pod ended; runs through the pipeline as an event, behind its last output.
struct CommandStatus: Equatable, Sendable {
    /// Why it failed; nil when it did not.
    var failure: String?
}
