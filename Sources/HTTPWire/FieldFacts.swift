/// What has been learnt from the field lines of one head, and whether two of them contradict each other.
struct FieldFacts: Sendable {
    var flags: FieldFlags = []
    var contentLength: Int64 = 0
    var hosts: UInt8 = 0
    var host = ByteRange(0, 0)
    var requestID = ByteRange(0, 0)

    /// Takes note of one field line; the lines that matter are told apart by their length first.
    ///
    /// - Returns: why the line makes the message ambiguous, or `nil`.
    @inline(__always)
    mutating func note(_ view: ByteView, _ start: Int, _ value: Int, _ end: Int, isRequest: Bool) -> Ambiguity? {
        switch value &- start &- 1 {
        case 2 where view.hasWord("te", at: start): self.flags.insert(.hopByHop)
        case 4 where isRequest && view.hasWord("host", at: start):
            self.hosts = min(self.hosts &+ 1, 2)
            self.host = view.trimmed(value, end)
        case 6 where isRequest && view.hasWord("expect", at: start):
            if view.equals("100-continue", view.trimmed(value, end)) { self.flags.insert(.expectContinue) }
        case 7 where view.hasWord("upgrade", at: start):
            self.flags.formUnion([.upgrade, .hopByHop])
            view.forEachListItem(value, end) { item in
                if view.equals("h2c", item) { self.flags.insert(.upgradeToHTTP2) }
            }
        case 10 where view.hasWord("connection", at: start):
            self.flags.insert(.hopByHop)
            view.forEachListItem(value, end) { item in
                if view.equals("close", item) {
                    self.flags.insert(.close)
                } else if view.equals("keep-alive", item) {
                    self.flags.insert(.keepAlive)
                } else if view.equals("upgrade", item) {
                    self.flags.insert(.upgradeOption)
                } else if !view.isHopByHop(item) {
                    self.flags.insert(.strangeOption)
                }
            }
        case 10, 14, 16:
            if view.isHopByHop(ByteRange(start, value &- 1)) { self.flags.insert(.hopByHop) }
            if view.hasWord("content-length", at: start) { return self.noteLength(view, view.trimmed(value, end)) }
        case 12 where isRequest && self.requestID.count == 0 && view.hasWord("x-request-id", at: start):
            self.requestID = view.trimmed(value, end)
        case 17 where view.hasWord("transfer-encoding", at: start):
            if self.flags.contains(.chunked) {
                return .repeatedTransferEncoding
            }
            guard view.equals("chunked", view.trimmed(value, end)) else {
                return .transferEncoding
            }
            self.flags.insert(.chunked)
        default:
            break
        }
        return nil
    }

    /// Digits and nothing else, at most 18 of them, so that the number always fits.
    private mutating func noteLength(_ view: ByteView, _ range: ByteRange) -> Ambiguity? {
        guard !self.flags.contains(.length) else {
            return .repeatedContentLength
        }
        guard range.count > 0, range.count <= 18 else {
            return .contentLength
        }
        var index = range.lower
        while index < range.upper {
            guard isDigit(view[index]) else {
                return .contentLength
            }
            self.contentLength = self.contentLength &* 10 &+ Int64(view[index] &- 0x30)
            index &+= 1
        }
        self.flags.insert(.length)
        return nil
    }

    /// Whether the framing fields contradict each other (RFC 9112 6.1 and 6.3).
    func ambiguity(of version: Version) -> Ambiguity? {
        guard self.flags.contains(.chunked) else {
            return nil
        }
        if self.flags.contains(.length) {
            return .lengthAndEncoding
        }
        return version == .http10 ? .transferEncoding : nil
    }

    /// Whether framing, target or host have two meanings (RFC 9112 3.2 and 6).
    func ambiguity(in line: RequestLine, _ view: ByteView, targetWins: Bool) -> Ambiguity? {
        if let reason = self.ambiguity(of: line.version) {
            return reason
        }
        if self.hosts > 1 {
            return .repeatedHost
        }
        if self.hosts == 0, line.version == .http11 {
            return .missingHost
        }
        if self.hosts == 1, !view.isAuthority(self.host) {
            return .invalidHost
        }
        return self.targetAmbiguity(line, view, targetWins)
    }

    private func targetAmbiguity(_ line: RequestLine, _ view: ByteView, _ targetWins: Bool) -> Ambiguity? {
        if line.method == .connect {
            return view.isAuthority(line.target) ? nil : .target
        }
        if view[line.target.lower] == UInt8(ascii: "/") {
            return nil
        }
        if line.target.count == 1, view[line.target.lower] == UInt8(ascii: "*") {
            return line.method == .options ? nil : .target
        }
        guard let authority = view.absoluteFormAuthority(line.target), view.isAuthority(authority) else {
            return .target
        }
        return targetWins || self.hosts == 0 || view.equals(authority, self.host) ? nil : .hostMismatch
    }
}
