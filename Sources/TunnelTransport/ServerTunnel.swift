import Logging
import NIOCore
import NIOSSL
import Tunnel

/// One accepted tunnel at the interceptor, from the TLS handshake to its end.
final class ServerTunnel: YamuxHandlerDelegate {
    private enum State {
        case handshaking
        case greeting
        case admitted
        case over
    }

    let channel: any Channel
    private(set) var hello: TunnelHello?
    private(set) var socketPath = ""
    var welcome: [String: String] = [:]
    private(set) lazy var mux = YamuxHandler(
        role: .server,
        limits: self.server.configuration.limits,
        timing: self.server.configuration.timing,
        delegate: self
    )

    private let server: TunnelServerCore
    private let peer = PinnedTLS.Peer()
    private var state = State.handshaking
    private var control: ControlStream?
    private var deadline: Scheduled<Void>?

    var fingerprint: String { self.peer.fingerprint ?? "" }

    init(channel: any Channel, server: TunnelServerCore) {
        self.channel = channel
        self.server = server
    }

    func start(_ context: NIOSSLContext) throws {
        let tls = PinnedTLS.server(context, peer: self.peer, isAllowed: self.server.configuration.isAllowed)
        let wait = TimeAmount(self.server.configuration.timing.handshake)
        self.deadline = self.channel.eventLoop.assumeIsolated().scheduleTask(in: wait) {
            self.mux.end(TunnelError(.timeout, "the laptop did not greet in time"))
        }
        try self.channel.pipeline.syncOperations.addHandlers([tls, self.mux])
    }

    /// Tells the laptop that it is in.
    func confirm() {
        self.control?.send(ControlMessage(welcome: self.welcome).line)
    }

    /// Sends a later line.
    func send(_ line: String) {
        self.control?.send(line)
    }

    /// Says `message` and ends the tunnel.
    func end(_ reason: TunnelError, saying message: ControlMessage) {
        self.control?.send(message.line)
        self.mux.end(reason)
    }

    // MARK: YamuxHandlerDelegate

    func tunnelReady() {
        guard self.peer.fingerprint != nil else {
            return self.mux.end(
                TunnelError(.handshakeFailed, "the laptop resumed a TLS session; it must present its key")
            )
        }
        self.state = .greeting
    }

    func streamOpened(_ number: UInt32) throws(TunnelError) -> (any YamuxConsumer)? {
        guard self.control == nil, number == 1 else {
            throw TunnelError(
                .protocolViolation,
                "the laptop opened stream \(number); only the control stream is its to open"
            )
        }
        let control = ControlStream(tunnel: self.mux) { [unowned self] line in self.received(line) }
        control.attach(number)
        self.control = control
        self.mux.accept(number)
        return control
    }

    func tunnelEnded(_ reason: TunnelError) {
        self.deadline?.cancel()
        let reason = self.state == .handshaking ? self.peer.refusal ?? reason : reason
        let wasAdmitted = self.state == .admitted
        self.state = .over
        self.control = nil
        self.server.ended(self, reason, wasAdmitted: wasAdmitted)
    }

    private func received(_ line: String) {
        switch self.state {
        case .greeting:
            guard let hello = ControlMessage(line: line)?.hello else {
                return self.mux.end(TunnelError(.protocolViolation, "the laptop's first line is no greeting"))
            }
            self.hello = hello
            switch self.server.admit(hello, self.fingerprint) {
            case .accept(let socketPath, let welcome):
                self.state = .admitted
                self.deadline?.cancel()
                self.socketPath = socketPath
                self.welcome = welcome
                self.server.admitted(self, hello)
            case .refuse(let reason):
                self.end(TunnelError(.refused, reason), saying: ControlMessage(refused: .init(reason: reason)))
            }
        case .admitted:
            if let hello = self.hello { self.server.configuration.onEvent(.line(id: hello.route, line)) }
        case .handshaking, .over:
            break
        }
    }
}
