import NIOCore

/// Tells the two channels of one forwarded port apart: 0 is the data, 1 the error text.
///
/// Each begins with a two-byte prefix, the port; then every message belongs to the channel its first byte names.
struct PortForwardDemultiplexer: PodStreamChannels {
    static let verb = "port-forward to"

    private static let longestText = 4096

    private var channel: UInt8?
    private var prefixLeft: [Int] = [2, 2]
    private var text = ByteBuffer()

    /// A piece of a message; nil when it means nothing by itself.
    mutating func receive(_ bytes: ByteBuffer, isFirst: Bool) -> PodStreamOutput? {
        var bytes = bytes
        if isFirst { self.channel = bytes.readInteger() }
        guard let channel = self.channel, channel < 2 else {
            return .violation("a message for channel \(self.channel.map { "\($0)" } ?? "none")")
        }
        let skipped = min(self.prefixLeft[Int(channel)], bytes.readableBytes)
        bytes.moveReaderIndex(forwardBy: skipped)
        self.prefixLeft[Int(channel)] -= skipped
        guard bytes.readableBytes > 0 else { return nil }
        guard channel == 1 else { return .data(bytes) }
        if self.text.readableBytes < Self.longestText { self.text.writeBuffer(&bytes) }
        return nil
    }

    /// The message is complete.
    mutating func endMessage() -> PodStreamOutput? {
        self.channel = nil
        guard self.text.readableBytes > 0 else { return nil }
        let text = String(
            buffer: self.text.getSlice(at: 0, length: min(self.text.readableBytes, Self.longestText)) ?? self.text
        )
        self.text.clear()
        return .failure(String(text.filter { $0 >= " " }))
    }
}
