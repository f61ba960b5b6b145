import Logging
import NIOCore
import NIOSSL
import Tunnel

/// The laptop's tunnel on its event loop, from the TLS handshake to its end.
final class ClientTunnel: YamuxHandlerDelegate {
    private enum State {
        case handshaking
        case greeting(EventLoopPromise<TunnelConnection>)
        case up(AsyncStream<String>.Continuation)
        case over
    }

    private let channel: any Channel
    private let configuration: TunnelClient.Configuration
    private let logger: Logger
    private let peer = PinnedTLS.Peer()
    private let welcomed: EventLoopPromise<TunnelConnection>
    private let ended: EventLoopPromise<TunnelError>
    private var state = State.handshaking
    private var control: ControlStream?
    private var deadline: Scheduled<Void>?
    /// Why the interceptor says it ends the tunnel, when it says so before the connection closes.
    private var farewell: TunnelError?
    /// Keeps this object alive while the tunnel is.
    private var keepAlive: ClientTunnel?

    private(set) lazy var mux = YamuxHandler(
        role: .client,
        limits: self.configuration.limits,
        timing: self.configuration.timing,
        delegate: self
    )

    var counters: TunnelCounters { self.mux.currentCounters }

    init(
        channel: any Channel,
        configuration: TunnelClient.Configuration,
        logger: Logger,
        _ welcomed: EventLoopPromise<TunnelConnection>
    ) throws {
        self.channel = channel
        self.configuration = configuration
        self.logger = logger
        self.welcomed = welcomed
        self.ended = channel.eventLoop.makePromise()
    }

    func start() throws {
        guard self.channel.isActive else {
            throw TunnelError(.lost, "the connection for the tunnel was closed before the tunnel began")
        }
        let context = try PinnedTLS.clientContext(self.configuration.identity)
        let tls = try PinnedTLS.client(context, expecting: self.configuration.serverFingerprint, peer: self.peer)
        self.keepAlive = self
        let wait = TimeAmount(self.configuration.timing.handshake)
        self.deadline = self.channel.eventLoop.assumeIsolated().scheduleTask(in: wait) {
            self.mux.end(TunnelError(.timeout, "the interceptor did not answer the greeting in time"))
        }
        // The multiplexer first: the TLS handler starts its handshake as soon as it is in an active channel.
        try self.channel.pipeline.syncOperations.addHandler(self.mux)
        try self.channel.pipeline.syncOperations.addHandler(tls, position: .before(self.mux))
    }

    func send(_ line: String) {
        self.control?.send(line)
    }

    func end(_ reason: TunnelError) {
        self.mux.end(reason)
    }

    // MARK: YamuxHandlerDelegate

    func tunnelReady() {
        let control = ControlStream(tunnel: self.mux) { [unowned self] line in self.received(line) }
        self.control = control
        self.state = .greeting(self.welcomed)
        do throws(TunnelError) {
            try control.open()
            control.send(ControlMessage(hello: self.configuration.hello).line)
        } catch {
            self.mux.end(error)
        }
    }

    func streamOpened(_ number: UInt32) throws(TunnelError) -> (any YamuxConsumer)? {
        guard case .up = self.state else {
            throw TunnelError(.protocolViolation, "the interceptor opened a stream before its welcome")
        }
        return LocalConnector.start(
            stream: number,
            tunnel: self.mux,
            timing: self.configuration.timing,
            eventLoop: self.channel.eventLoop,
            destination: self.configuration.destination
        )
    }

    func tunnelEnded(_ reason: TunnelError) {
        self.deadline?.cancel()
        self.control = nil
        let reason = self.explain(reason)
        switch self.state {
        case .handshaking, .greeting: self.welcomed.fail(reason)
        case .up(let lines): lines.finish()
        case .over: break
        }
        self.state = .over
        self.ended.succeed(reason)
        self.keepAlive = nil
    }

    /// The reason that helps most: what the interceptor said, or which key did not fit.
    private func explain(_ reason: TunnelError) -> TunnelError {
        if let farewell = self.farewell, reason.code != .closed { return farewell }
        switch self.state {
        case .handshaking:
            return self.peer.refusal ?? reason
        case .greeting where reason.code == .lost:
            // With TLS 1.3 this end has finished its part before the interceptor has looked at its key.
            return TunnelError(
                .handshakeFailed,
                "the interceptor closed the tunnel before its welcome; most likely the Session does not name this laptop's key",
                cause: reason.cause
            )
        case .greeting, .up, .over:
            return reason
        }
    }

    private func received(_ line: String) {
        let message = ControlMessage(line: line)
        switch self.state {
        case .greeting(let promise):
            if let refusal = message?.refused {
                self.mux.end(TunnelError(.refused, refusal.reason))
            } else if let welcome = message?.welcome {
                self.deadline?.cancel()
                let (lines, continuation) = AsyncStream.makeStream(
                    of: String.self,
                    bufferingPolicy: .bufferingNewest(64)
                )
                self.state = .up(continuation)
                promise.succeed(
                    TunnelConnection(
                        welcome: welcome,
                        lines: lines,
                        core: NIOLoopBound(self, eventLoop: self.channel.eventLoop),
                        ended: self.ended.futureResult
                    )
                )
            } else {
                self.mux.end(
                    TunnelError(.protocolViolation, "the interceptor's first line is neither welcome nor refusal")
                )
            }
        case .up(let lines):
            if let superseded = message?.superseded {
                self.farewell = TunnelError(.superseded, "a tunnel with epoch \(superseded.by) took this route over")
            } else if let closing = message?.closing {
                self.farewell = TunnelError(.closedByPeer, closing.reason)
            }
            lines.yield(line)
        case .handshaking, .over:
            break
        }
    }
}
