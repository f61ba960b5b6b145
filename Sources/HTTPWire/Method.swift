/// A request method: those of the IANA registry (2024) and the few that caches and UPnP use.
public enum Method: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case options = "OPTIONS"
    case patch = "PATCH"
    case connect = "CONNECT"
    case trace = "TRACE"
    case acl = "ACL"
    case bind = "BIND"
    case checkin = "CHECKIN"
    case checkout = "CHECKOUT"
    case copy = "COPY"
    case label = "LABEL"
    case link = "LINK"
    case lock = "LOCK"
    case merge = "MERGE"
    case mkactivity = "MKACTIVITY"
    case mkcalendar = "MKCALENDAR"
    case mkcol = "MKCOL"
    case mkredirectref = "MKREDIRECTREF"
    case mkworkspace = "MKWORKSPACE"
    case move = "MOVE"
    case orderpatch = "ORDERPATCH"
    case propfind = "PROPFIND"
    case proppatch = "PROPPATCH"
    case query = "QUERY"
    case rebind = "REBIND"
    case report = "REPORT"
    case search = "SEARCH"
    case unbind = "UNBIND"
    case uncheckout = "UNCHECKOUT"
    case unlink = "UNLINK"
    case unlock = "UNLOCK"
    case update = "UPDATE"
    case updateredirectref = "UPDATEREDIRECTREF"
    case ban = "BAN"
    case notify = "NOTIFY"
    case purge = "PURGE"
    case subscribe = "SUBSCRIBE"
    case unsubscribe = "UNSUBSCRIBE"
    case baselineControl = "BASELINE-CONTROL"
    case versionControl = "VERSION-CONTROL"
    case mSearch = "M-SEARCH"

    /// Whether two equal requests have the effect of one (RFC 9110 9.2.2).
    ///
    /// Extensions that are idempotent too are left out: what is not listed here is never sent twice.
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        default: false
        }
    }
}

/// What the first bytes of a connection say about its method.
enum MethodPrefix {
    /// The bytes so far could still become a known method.
    case undecided
    /// A known method and the space after it.
    case known(Method, length: Int)
    /// The HTTP/2 connection preface.
    case http2
    /// No method this scanner knows.
    case unknown
}

extension ByteView {
    /// Reads the method at the start of the view.
    func methodPrefix() -> MethodPrefix {
        if self.count >= 8 {
            let word = self.word(at: 0)
            if word & 0xffff_ffff == 0x2054_4547 { return .known(.get, length: 3) }
            if word & 0xff_ffff_ffff == 0x20_5453_4f50 { return .known(.post, length: 4) }
            if word & 0xffff_ffff == 0x2054_5550 { return .known(.put, length: 3) }
            if word & 0xff_ffff_ffff == 0x20_4441_4548 { return .known(.head, length: 4) }
        }
        return self.searchMethod()
    }

    @inline(never)
    private func searchMethod() -> MethodPrefix {
        if self.count > 0, self[0] &- 0x41 >= 26 {
            return .unknown
        }
        var couldBecomeOne = false
        for method in Method.allCases {
            switch self.compare(with: method.rawValue.utf8) {
            case .equal(let length): return .known(method, length: length)
            case .prefix: couldBecomeOne = true
            case .different: continue
            }
        }
        switch self.compare(with: "PRI".utf8) {
        case .equal: return .http2
        case .prefix: couldBecomeOne = true
        case .different: break
        }
        return couldBecomeOne ? .undecided : .unknown
    }

    private enum Comparison {
        case equal(Int)
        case prefix
        case different
    }

    private func compare(with name: String.UTF8View) -> Comparison {
        var index = 0
        for byte in name {
            guard index < self.count else {
                return .prefix
            }
            guard self[index] == byte else {
                return .different
            }
            index += 1
        }
        guard index < self.count else {
            return .prefix
        }
        return self[index] == Byte.space ? .equal(index) : .different
    }
}
