import HTTP2Wire
import NIOCore
import ProxyCore

/// The first frames of both ends: each learns what the other wants before anything else passes.
extension HTTP2Relay {
    private static let prefaceLength = connectionPreface.utf8CodeUnitCount

    /// Reads the client's preface and SETTINGS, and asks the original for its own.
    mutating func readPreface() -> Bool {
        let opening = self.client.inbox.withUnsafeReadableBytes { Self.opening($0) }
        switch opening {
        case .whole(let settings):
            self.client.inbox.moveReaderIndex(forwardBy: Self.prefaceLength + FrameHeader.length)
            self.client.inbox.moveReaderIndex(forwardBy: settings.count * Setting.length)
            self.clientLimits = settings.filter { $0.name == .maximumHeaderListSize }
            self.apply(settings, from: .client)
            self.original.greet(self.clientLimits)
            self.phase = .greeting
            return true
        case .more where !self.client.hasEnded:
            return false
        case .more, .other:
            self.phase = .closed
            self.actions.append(.raw)
            return true
        }
    }

    private enum Opening {
        case more
        case other
        case whole([Setting])
    }

    private static func opening(_ bytes: UnsafeRawBufferPointer) -> Opening {
        let isPreface = connectionPreface.withUTF8Buffer { $0.starts(with: bytes.prefix(Self.prefaceLength)) }
        guard isPreface else {
            return .other
        }
        guard let header = FrameHeader(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(Self.prefaceLength))) else {
            return .more
        }
        guard header.beginsConnection else {
            return .other
        }
        let start = Self.prefaceLength + FrameHeader.length
        guard bytes.count >= start + header.length else {
            return .more
        }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[start..<start + header.length])
        guard let settings = Setting.list(payload), settings.allSatisfy({ $0.violation == nil }) else {
            return .other
        }
        return .whole(settings)
    }

    /// Reads the original's SETTINGS; the client gets to see what of them concerns it.
    mutating func readGreeting() -> Bool {
        guard let header = self.original.nextHeader else {
            guard self.original.hasEnded else { return false }
            self.phase = .raw
            return true
        }
        guard header.beginsConnection else {
            self.phase = .raw
            return true
        }
        guard case .frame(_, let payload) = self.original.nextFrame() else {
            guard self.original.hasEnded else { return false }
            self.phase = .raw
            return true
        }
        guard let settings = Self.settings(payload) else {
            self.fail(.original, .protocolError)
            return true
        }
        self.client.writeSettings(Self.ownSettings + settings.filter { Self.concernsClient($0.name) })
        self.client.writeSettingsAcknowledgement()
        self.client.writeFirstWindow()
        self.apply(settings, from: .original)
        self.original.writeSettingsAcknowledgement()
        self.phase = .relaying
        if self.isDraining {
            self.drain()
        } else if self.announcesClose {
            self.announceClose()
        }
        return true
    }

    /// What the original says is no HTTP/2: the client sees it as it would without us.
    mutating func passRaw() -> Bool {
        self.client.inbox.clear()
        if var bytes = Optional(self.original.inbox), bytes.readableBytes > 0 {
            self.original.inbox = ByteBuffer()
            self.rawBytesOut += bytes.readableBytes
            self.client.outbox.writeBuffer(&bytes)
            return true
        }
        guard self.original.hasEnded else {
            return false
        }
        self.beginClosing()
        return true
    }
}

extension HTTP2Relay {
    /// What we say for ourselves: the window of each body.
    static let ownSettings = [Setting(.initialWindowSize, UInt32(Bounds.streamWindow))]

    /// What a server says that is not about the hop to us.
    private static func concernsClient(_ name: Setting.Name) -> Bool {
        [.maximumConcurrentStreams, .maximumHeaderListSize, .enableConnectProtocol].contains(name)
    }

    /// The parameters in a SETTINGS frame; nil when one of them cannot be.
    static func settings(_ payload: ByteBuffer) -> [Setting]? {
        let settings = payload.withUnsafeReadableBytes { Setting.list($0) }
        return settings?.allSatisfy { $0.violation == nil } == true ? settings : nil
    }

    mutating func receiveSettings(_ header: FrameHeader, _ payload: ByteBuffer, _ peer: Peer) {
        guard header.stream == 0 else { return self.fail(peer, .protocolError) }
        guard !header.flags.contains(.acknowledgement) else {
            self[peer].acknowledgedSettings += 1
            if header.length > 0 { self.fail(peer, .frameSize) }
            return
        }
        guard header.length % Setting.length == 0 else { return self.fail(peer, .frameSize) }
        guard let settings = Self.settings(payload) else { return self.fail(peer, .protocolError) }
        guard self.apply(settings, from: peer) else { return self.fail(peer, .flowControl) }
        self[peer].writeSettingsAcknowledgement()
        switch peer {
        case .original:
            let passed = settings.filter { Self.concernsClient($0.name) }
            if !passed.isEmpty { self.client.writeSettings(passed) }
        case .client:
            let limits = settings.filter { $0.name == .maximumHeaderListSize }
            guard !limits.isEmpty else { return }
            self.clientLimits = limits
            self.original.writeSettings(limits)
        case .laptop(let number): self.serveWaiting(number)
        }
    }

    /// Keeps what an end says about what it takes; `false` when that makes a window larger than there may be.
    @discardableResult
    mutating func apply(_ settings: [Setting], from peer: Peer) -> Bool {
        for setting in settings {
            switch setting.name {
            case .headerTableSize: self[peer].encoder.setMaximumTableSize(setting.value)
            case .maximumConcurrentStreams: self[peer].maximumStreams = Int(setting.value)
            case .initialWindowSize:
                guard self.setInitialWindow(Int(setting.value), of: peer) else { return false }
            default: break
            }
        }
        return true
    }
}

extension Link {
    /// What a client's connection begins with. Pushed responses are not taken: no client asked for them here.
    mutating func greet(_ limits: [Setting]) {
        self.outbox.writeStaticString(connectionPreface)
        self.writeSettings([Setting(.enablePush, 0)] + HTTP2Relay.ownSettings + limits)
        self.writeFirstWindow()
    }
}
