import HTTPWire
import NIOCore
import NIOSSL
import ProxyCore
import TLSWire

/// What is done for a connection to a port that speaks TLS before its bytes can be relayed.
extension Connection {
    /// Whether the relay has not begun because TLS has to be spoken first.
    var isEntering: Bool { self.entry?.isEntering == true }

    /// Tells the entry what happened, and does what it says.
    func enter(_ event: (inout TLSEntry) -> TLSEntry.Step) {
        guard var entry = self.entry else { return }
        let step = event(&entry)
        self.entry = entry
        switch step {
        case .wait: break
        case .secureOriginal(let hello): self.secureOriginal(hello)
        case .secureClient(let name): self.secureClient(applicationProtocol: name)
        case .reconnect:
            self.release(&self.original)
            self.connectOriginal()
        case .relay: self.originalIsReady()
        case .pass(let reason):
            self.machine.originalConnected()
            self.machine.passUnread(reason)
            self.reportEnds()
        case .loseOriginal:
            self.release(&self.original)
            self.originalFailed()
        }
        self.settle()
    }

    /// A connection to the original is open; what the client did meanwhile is told now.
    func originalConnectedEntering() {
        self.enter { $0.originalConnected() }
        guard self.isEntering, let client = self.client else { return }
        if client.held.readableBytes > 0 { self.receivedEntering(client) }
        if self.isEntering, client.hasEnded { self.endedEntering(client) }
    }

    /// What came before the relay began.
    func receivedEntering(_ handler: SideHandler) {
        guard handler.side == .client else { return self.enter { $0.originalSpoke() } }
        let reading = handler.held.withUnsafeReadableBytes { ClientHello.read($0) }
        let termination = self.state.configuration.termination
        self.enter { $0.clientSaid(reading) { termination?.canAnswer($0) ?? false } }
    }

    /// An end that came before the relay began; the machine learns of it when that does.
    func endedEntering(_ handler: SideHandler) {
        self.enter { handler.side == .client ? $0.clientEnded() : $0.originalEnded() }
    }

    /// The handshake of a side is done.
    func secured(_ handler: SideHandler, applicationProtocol: String?) {
        switch handler.side {
        case .client: self.enter { $0.clientSecured() }
        case .original: self.enter { $0.originalSecured(applicationProtocol: applicationProtocol) }
        case .upstream: break
        }
    }

    private func secureOriginal(_ hello: ClientHello) {
        do {
            guard let original = self.original, let termination = self.state.configuration.termination else { return }
            try original.secure(with: termination.originalHandler(for: hello), beginningWith: ByteBuffer())
        } catch {
            self.enter { $0.originalFailed() }
        }
    }

    /// Answers the client with the first message that it sent.
    private func secureClient(applicationProtocol: String?) {
        do {
            guard let client = self.client, let termination = self.state.configuration.termination else { return }
            let handler = try termination.clientHandler(applicationProtocol: applicationProtocol)
            try client.secure(with: handler, beginningWith: client.take(client.held.readableBytes))
        } catch {
            self.enter { $0.cannotAnswer() }
        }
    }

    /// The original can be relayed to, for the first time or again.
    func originalIsReady() {
        self.machine.readsHTTP2 = self.state.readsHTTP2
        self.machine.originalConnected()
        self.reportEnds()
    }

    /// Tells the machine which sides have ended before it was asked.
    private func reportEnds() {
        if self.entry != nil {
            if self.client?.hasEnded == true { self.machine.clientEnded() }
            if self.original?.hasEnded == true { self.machine.originalEnded() }
        }
        self.pump()
        self.flush()
    }
}
