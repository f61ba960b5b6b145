import KubernetesModel
import NIOCore

/// Tells the channels of a command in a pod apart: 1 is its output, 2 its error text, 3 how it ended, as a Status.
struct ExecDemultiplexer: PodStreamChannels {
    static let verb = "exec in"

    private static let longestText = 4_096
    private static let longestStatus = 64 << 10

    private var channel: UInt8?
    private var errors = ByteBuffer()
    private var status = ByteBuffer()

    mutating func receive(_ bytes: ByteBuffer, isFirst: Bool) -> PodStreamOutput? {
        var bytes = bytes
        if isFirst { self.channel = bytes.readInteger() }
        switch self.channel {
        case 1: return bytes.readableBytes > 0 ? .data(bytes) : nil
        case 2:
            if self.errors.readableBytes < Self.longestText { self.errors.writeBuffer(&bytes) }
            return nil
        case 3:
            self.status.writeBuffer(&bytes)
            return self.status.readableBytes > Self.longestStatus ? .violation("a status without an end") : nil
        default: return .violation("a message for channel \(self.channel.map { "\($0)" } ?? "none")")
        }
    }

    mutating func endMessage() -> PodStreamOutput? {
        defer { self.channel = nil }
        // Servers open each channel with an empty message.
        guard self.channel == 3, self.status.readableBytes > 0 else { return nil }
        guard let status = try? JSONValue(parsing: self.status.readableBytesView) else {
            return .violation("a status that is not JSON")
        }
        if status["status"] == "Success" { return .ended(CommandStatus(failure: nil)) }
        let errors = String(buffer: self.errors).prefix(Self.longestText).filter { $0 >= " " }
        let message = status["message"]?.string ?? "the command failed"
        return .ended(CommandStatus(failure: errors.isEmpty ? message : "\(message): \(errors)"))
    }
}
