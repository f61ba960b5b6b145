import NIOCore
import Tunnel

/// What stands at this end of a stream: a local connection, the control lines, or a header being read.
///
/// Everything happens on the tunnel's event loop. A consumer tells the handler what it took (`YamuxHandler.consumed`).
protocol YamuxConsumer: AnyObject {
    /// The peer acknowledged the stream.
    func streamAcknowledged()
    /// More may be sent: the peer gave credit, or the tunnel drained.
    func streamMaySend()
    /// Bytes arrived.
    func streamReceived(_ bytes: ByteBuffer)
    /// The read that delivered bytes is over; asked for with `YamuxHandler.needsCycleEnd`.
    func streamCycleEnded()
    /// The peer sends no more.
    func streamFinished()
    /// The stream is over at once: the peer reset it, or the whole tunnel ended.
    func streamReset(_ reason: TunnelError)
}

/// Who owns a tunnel's handler and decides what it does not.
protocol YamuxHandlerDelegate: AnyObject {
    /// TLS is done and both keys are verified; streams may be opened.
    func tunnelReady()
    /// The peer opened a stream; nil resets it.
    func streamOpened(_ number: UInt32) throws(TunnelError) -> (any YamuxConsumer)?
    /// The tunnel is over. Called once.
    func tunnelEnded(_ reason: TunnelError)
}
