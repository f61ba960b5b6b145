/// The parts of `GET /path HTTP/1.1`.
struct RequestLine: Sendable {
    let method: Method
    let methodLength: Int
    let target: ByteRange
    let version: Version
    /// The offset after the line's CR LF.
    let end: Int
}

/// The parts of `HTTP/1.1 200 OK`.
struct StatusLine: Sendable {
    let version: Version
    let status: Int
    /// The offset after the line's CR LF.
    let end: Int
}

private let http11: UInt64 = 0x312e_312f_5054_5448
private let http10: UInt64 = 0x302e_312f_5054_5448

extension HeadScanner {
    /// Reads the request line; says at the first byte that settles it when this is another protocol.
    mutating func scanRequestLine(_ view: ByteView) -> Part {
        let method: Method
        let methodLength: Int
        switch view.methodPrefix() {
        case .undecided:
            return .more
        case .http2:
            return .foreign(.http2)
        case .unknown:
            return self.unknownStart(view)
        case .known(let known, let length):
            method = known
            methodLength = length
        }
        self.position = max(self.position, methodLength &+ 1)
        let end: Int
        switch self.findLineEnd(view) {
        case .more: return .more
        case .ambiguous(let reason): return .ambiguous(reason)
        case .at(let found): end = found
        }
        // One space, a target without blanks, one space, the version.
        let targetStart = methodLength &+ 1
        let targetEnd = end &- 9
        guard targetEnd > targetStart else {
            return .foreign(.version)
        }
        let version: Version
        switch view.word(at: end &- 8) {
        case http11: version = .http11
        case http10: version = .http10
        default: return .foreign(.version)
        }
        guard view[targetEnd] == Byte.space else {
            return .foreign(.version)
        }
        var index = targetStart
        while index < targetEnd {
            if isBlank(view[index]) {
                return .ambiguous(.target)
            }
            index &+= 1
        }
        self.request = RequestLine(
            method: method,
            methodLength: methodLength,
            target: ByteRange(targetStart, targetEnd),
            version: version,
            end: end &+ 2
        )
        self.startFields(at: end &+ 2)
        return .done
    }

    /// Reads the status line; the reason phrase may be missing, as many servers leave out even the blank before it.
    mutating func scanStatusLine(_ view: ByteView) -> Part {
        guard view.count >= 8 else {
            return view.isPrefix(of: "HTTP/1.1") || view.isPrefix(of: "HTTP/1.0") ? .more : .foreign(.unknown)
        }
        let version: Version
        switch view.word(at: 0) {
        case http11: version = .http11
        case http10: version = .http10
        default: return .foreign(.version)
        }
        self.position = max(self.position, 8)
        let end: Int
        switch self.findLineEnd(view) {
        case .more: return .more
        case .ambiguous(let reason): return .ambiguous(reason)
        case .at(let found): end = found
        }
        guard end >= 12, view[8] == Byte.space, end == 12 || view[12] == Byte.space else {
            return .ambiguous(.status)
        }
        guard view[9] &- 0x31 < 9, isDigit(view[10]), isDigit(view[11]) else {
            return .ambiguous(.status)
        }
        let status = Int(view[9] &- 0x30) &* 100 &+ Int(view[10] &- 0x30) &* 10 &+ Int(view[11] &- 0x30)
        self.response = StatusLine(version: version, status: status, end: end &+ 2)
        self.startFields(at: end &+ 2)
        return .done
    }

    private mutating func startFields(at offset: Int) {
        self.position = offset
        self.lineStart = offset
        self.stage = .name
    }

    private func unknownStart(_ view: ByteView) -> Part {
        .foreign(view.count > 0 && view[0] == 0x16 ? .tls : .unknown)
    }
}

extension ByteView {
    fileprivate func isPrefix(of text: StaticString) -> Bool {
        var index = 0
        while index < self.count, index < text.utf8CodeUnitCount {
            guard self[index] == text.utf8Start[index] else {
                return false
            }
            index += 1
        }
        return true
    }
}
