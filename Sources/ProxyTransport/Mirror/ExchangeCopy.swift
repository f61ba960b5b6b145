import NIOCore
import ProxyCore
import Tunnel

/// The copy of one exchange with the original, as it is made: never longer than the limits, and of no consequence for the
/// exchange itself.
///
/// The bytes are copied and not shared: a small piece would keep the large buffer it came in, and the size of a buffer
/// that is shared changes what the next read costs.
final class ExchangeCopy {
    /// The mirrors that get it; of each, one copy is taken.
    let entries: [RouteEntry]
    /// What both messages are written in, by its name in ALPN; nil for HTTP/1.1 as it was sent.
    let applicationProtocol: String?
    /// Why it is not made any more.
    private(set) var miss: MirrorMiss?
    private(set) var request = ByteBuffer()
    private(set) var response = ByteBuffer()
    private let allowance: Allowance
    private var charged = 0
    private var holders: Int

    init(
        for entries: [RouteEntry],
        allowance: Allowance,
        applicationProtocol: String? = nil,
        miss: MirrorMiss? = nil
    ) {
        self.entries = entries
        self.applicationProtocol = applicationProtocol
        self.allowance = allowance
        self.miss = miss
        self.holders = entries.count
    }

    /// Copies what one side sent to the other.
    func add(_ bytes: ByteBuffer, from side: Side) {
        guard self.miss == nil else { return }
        let length = (side == .client ? self.request : self.response).readableBytes + bytes.readableBytes
        guard length <= MirrorLimits.longest else { return self.drop(.tooLong) }
        guard self.allowance.take(bytes.readableBytes) else { return self.drop(.busy) }
        self.charged += bytes.readableBytes
        if side == .client {
            self.request.writeImmutableBuffer(bytes)
        } else {
            self.response.writeImmutableBuffer(bytes)
        }
    }

    /// Makes no copy after all.
    func drop(_ reason: MirrorMiss) {
        guard self.miss == nil else { return }
        self.miss = reason
        self.free()
    }

    /// One of the mirrors is through with it; the last one frees it.
    func release() {
        self.holders -= 1
        if self.holders == 0 { self.free() }
    }

    private func free() {
        self.request = ByteBuffer()
        self.response = ByteBuffer()
        self.allowance.giveBack(self.charged)
        self.charged = 0
    }
}
