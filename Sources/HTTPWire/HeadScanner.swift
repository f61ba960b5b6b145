/// Reads one message head, in as many pieces as it comes, without reading any byte twice to find its end.
///
/// The view handed to each call starts at the first byte of the head and has grown since the call before. Everything RFC 9112 lets
/// a recipient tolerate (bare line feeds, folded lines, blanks before the colon …) is reported as ambiguous here, because another
/// recipient may read it otherwise.
public struct HeadScanner: Sendable {
    /// Where the scanner stands.
    enum Stage: UInt8 {
        case startLine
        case name
        case value
    }

    var stage: Stage = .startLine
    /// No byte before this one needs another look.
    var position = 0
    /// Where the current field line starts.
    var lineStart = 0
    /// Where the current field's value starts.
    var valueStart = 0
    var facts = FieldFacts()
    var request: RequestLine?
    var response: StatusLine?
    let limit: Int
    /// Whether the authority of an absolute target counts whatever `Host` says (RFC 9112 3.2.2).
    let targetWins: Bool
    private var seen = 0

    /// A scanner that gives up on heads longer than `limit` bytes.
    ///
    /// - Parameter targetWins: whether the authority of an absolute target counts, whatever `Host` says: for proxies, which put it
    ///   in the place of `Host` (RFC 9112 3.2.2). Otherwise two that differ are ambiguous.
    public init(limit: Int = 64 << 10, targetWins: Bool = false) {
        self.limit = limit
        self.targetWins = targetWins
    }

    /// Whether a call has seen a part of a head.
    public var hasStarted: Bool {
        self.seen > 0
    }

    /// Looks for a request's head at the start of `view`.
    public mutating func scanRequest(_ view: ByteView) -> Verdict<RequestHead> {
        if self.stage == .startLine {
            switch self.scanRequestLine(view) {
            case .more: return self.incomplete(view)
            case .done: break
            case .foreign(let foreign): return .notHTTP(foreign)
            case .ambiguous(let reason): return .ambiguous(reason)
            }
        }
        guard let line = self.request else {
            return .notHTTP(.unknown)
        }
        switch self.scanFields(view, isRequest: true) {
        case .more: return self.incomplete(view)
        case .foreign(let foreign): return .notHTTP(foreign)
        case .ambiguous(let reason): return .ambiguous(reason)
        case .done: break
        }
        if self.position > self.limit {
            return .tooLong
        }
        if let reason = self.facts.ambiguity(in: line, view, targetWins: self.targetWins) {
            return .ambiguous(reason)
        }
        return .complete(
            RequestHead(
                length: self.position,
                method: line.method,
                methodRange: ByteRange(0, line.methodLength),
                target: line.target,
                version: line.version,
                fieldsStart: line.end,
                flags: self.facts.flags,
                contentLength: self.facts.contentLength,
                host: self.facts.host,
                requestID: self.facts.requestID
            )
        )
    }

    /// Looks for a response's head at the start of `view`.
    public mutating func scanResponse(_ view: ByteView) -> Verdict<ResponseHead> {
        if self.stage == .startLine {
            switch self.scanStatusLine(view) {
            case .more: return self.incomplete(view)
            case .done: break
            case .foreign(let foreign): return .notHTTP(foreign)
            case .ambiguous(let reason): return .ambiguous(reason)
            }
        }
        guard let line = self.response else {
            return .notHTTP(.unknown)
        }
        switch self.scanFields(view, isRequest: false) {
        case .more: return self.incomplete(view)
        case .foreign(let foreign): return .notHTTP(foreign)
        case .ambiguous(let reason): return .ambiguous(reason)
        case .done: break
        }
        if self.position > self.limit {
            return .tooLong
        }
        if let reason = self.facts.ambiguity(of: line.version) {
            return .ambiguous(reason)
        }
        return .complete(
            ResponseHead(
                length: self.position,
                status: line.status,
                version: line.version,
                fieldsStart: line.end,
                flags: self.facts.flags,
                contentLength: self.facts.contentLength
            )
        )
    }

    private mutating func incomplete<Head>(_ view: ByteView) -> Verdict<Head> {
        self.seen = view.count
        return view.count >= self.limit ? .tooLong : .incomplete
    }
}

extension HeadScanner {
    /// How one part of a head came out.
    enum Part {
        case more
        case done
        case foreign(Foreign)
        case ambiguous(Ambiguity)
    }

    /// The end of a line that starts in the view, or why there is none.
    enum LineEnd {
        case more
        /// The offset of the carriage return.
        case at(Int)
        case ambiguous(Ambiguity)
    }

    /// Finds the CR LF at or after `position`, and remembers how far it looked.
    @inline(__always)
    mutating func findLineEnd(_ view: ByteView) -> LineEnd {
        let end = view.firstControl(from: self.position)
        guard end < view.count else {
            self.position = end
            return .more
        }
        switch view[end] {
        case Byte.carriageReturn:
            guard end &+ 1 < view.count else {
                self.position = end
                return .more
            }
            return view[end &+ 1] == Byte.lineFeed ? .at(end) : .ambiguous(.bareCarriageReturn)
        case Byte.lineFeed:
            return .ambiguous(.bareLineFeed)
        default:
            return .ambiguous(.control)
        }
    }

    @inline(__always)
    mutating func scanFields(_ view: ByteView, isRequest: Bool) -> Part {
        while true {
            if self.stage == .name {
                while self.position < view.count, isTokenCharacter(view[self.position]) { self.position &+= 1 }
                guard self.position < view.count else {
                    return .more
                }
                let byte = view[self.position]
                if byte != Byte.colon || self.position == self.lineStart {
                    return self.lineWithoutName(view, byte)
                }
                self.position &+= 1
                self.valueStart = self.position
                self.stage = .value
            }
            switch self.findLineEnd(view) {
            case .more:
                return .more
            case .ambiguous(let reason):
                return .ambiguous(reason)
            case .at(let end):
                if let reason = self.facts.note(view, self.lineStart, self.valueStart, end, isRequest: isRequest) {
                    return .ambiguous(reason)
                }
                self.position = end &+ 2
                self.lineStart = self.position
                self.stage = .name
            }
        }
    }

    /// The empty line that ends a head, or what is wrong with a line that does not begin with a name and a colon.
    private mutating func lineWithoutName(_ view: ByteView, _ byte: UInt8) -> Part {
        let isFirst = self.position == self.lineStart
        switch byte {
        case Byte.carriageReturn:
            guard isFirst else {
                return .ambiguous(.invalidName)
            }
            guard self.position &+ 1 < view.count else {
                return .more
            }
            guard view[self.position &+ 1] == Byte.lineFeed else {
                return .ambiguous(.bareCarriageReturn)
            }
            self.position &+= 2
            return .done
        case Byte.lineFeed: return .ambiguous(.bareLineFeed)
        case Byte.colon: return .ambiguous(.emptyName)
        case Byte.space, Byte.tab: return .ambiguous(isFirst ? .foldedLine : .spaceBeforeColon)
        case 0..<0x20, Byte.delete: return .ambiguous(.control)
        default: return .ambiguous(.invalidName)
        }
    }
}
