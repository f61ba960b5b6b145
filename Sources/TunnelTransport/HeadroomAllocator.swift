import NIOCore
import Tunnel

/// Receive buffers of local connections, with room for a frame header before what is read.
///
/// A frame then leaves as one piece, copied nowhere. The size follows what reads return, so that an idle connection costs
/// little and a busy one fills whole frames.
struct HeadroomAllocator: RecvByteBufferAllocator {
    // Powers of two, header included: buffers are rounded up to one, and a read may fill what rounding added.
    private static let smallest = 4 * 1024
    private static let largest = YamuxLimits().frame + YamuxHeader.size
    private var size = 16 * 1024
    private var smallReads = 0

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: self.size)
        buffer.moveWriterIndex(to: YamuxHeader.size)
        buffer.moveReaderIndex(to: YamuxHeader.size)
        return buffer
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        if actualReadBytes >= self.size - YamuxHeader.size {
            self.size = min(self.size * 4, Self.largest)
            self.smallReads = 0
        } else if actualReadBytes < self.size / 4 {
            self.smallReads += 1
            if self.smallReads >= 4 {
                self.size = max(self.size / 2, Self.smallest)
                self.smallReads = 0
            }
        } else {
            self.smallReads = 0
        }
        // True makes the channel ask for a new buffer each time: a reused one would start without headroom.
        return true
    }
}
