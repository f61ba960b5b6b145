/// The books of one stream: who may send how much, and which directions are still open.
struct YamuxStream: Sendable, Hashable {
    /// How far the two ends agree that the stream exists.
    enum Opening: Sendable, Hashable {
        /// We asked; the peer has not acknowledged.
        case requested
        /// The peer asked; we have not acknowledged.
        case offered
        /// Both ends agree.
        case established
    }

    var opening: Opening
    /// Bytes we may still send.
    var sendWindow = YamuxLimits.initialWindow
    /// Bytes the peer may still send.
    var receiveWindow = YamuxLimits.initialWindow
    /// Bytes the peer may have under way: what it may still send, and what it sent that our consumer has not taken.
    var window = YamuxLimits.initialWindow
    /// Bytes our consumer took and the peer has not been told about.
    var unreturned = 0
    /// We have said that we send no more.
    var localFinished = false
    /// The peer has said that it sends no more.
    var remoteFinished = false

    var isOver: Bool { self.localFinished && self.remoteFinished }
}
