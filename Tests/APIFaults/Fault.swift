/// What goes wrong with one request to an API server, or with the watch it opens.
public enum Fault: Hashable, Sendable {
    /// The request waits so long before it goes on, in milliseconds.
    case delay(Int)
    /// The connection is reset before the server sees anything.
    case cut
    /// The server does what it is asked to; the connection is reset before any of the answer.
    case cutAnswer
    /// The connection is reset in the middle of the answer.
    case truncate
    /// The server never sees the request; the client gets this status, with `Retry-After` in seconds where there is one.
    case answer(Int, retryAfter: Int?)
    /// The server does what it is asked to; the client gets this status instead of the answer.
    case answerAfter(Int)
    /// The server gets the request's head and half of its body, and nothing more; the client gets nothing.
    case stallRequest
    /// The server does what it is asked to; the client gets nothing.
    case stallAnswer
    /// Who asked is killed: ``FaultProxy`` is told how.
    case kill(Moment)
    /// The exchange waits until somebody else is struck, and goes on as if nothing were: ``FaultProxy`` is told whom.
    case strike(Moment)
    /// A watch that tells of so many events, and then says that its version is too old (410), and ends.
    case gone(after: Int)
    /// A watch that tells of so many events, and then of nothing more, without an end.
    case freeze(after: Int)
    /// A watch that tells everything twice.
    case echo
    /// A watch that tells of every second event before the one it follows.
    case swap
    /// A watch that tells of each event, and then of the one before it once more, as a server that lags behind.
    case stale

    /// When a client is killed, or somebody else is struck.
    public enum Moment: String, Hashable, Sendable, CaseIterable {
        /// The request is here; the server has not seen it, and of one that is killed never does.
        case before
        /// The server has answered, and the client has not seen that. Where an answer has no end, its head is enough, and where
        /// somebody else is struck.
        case after
    }

    /// Whether it changes what a watch tells, and nothing else.
    var isOfWatch: Bool {
        switch self {
        case .gone, .freeze, .echo, .swap, .stale: true
        default: false
        }
    }

    /// Whether the server gets the request.
    var reachesServer: Bool {
        switch self {
        case .cut, .answer, .kill(.before): false
        default: true
        }
    }

    /// Whether the client is kept from the server's answer.
    var hidesAnswer: Bool {
        switch self {
        case .cutAnswer, .answerAfter, .stallAnswer, .stallRequest, .kill: true
        default: false
        }
    }
}

extension Fault: CustomStringConvertible {
    /// A fault from its words; nil when there is none of them.
    ///
    /// `delay 200`, `cut`, `cut-answer`, `truncate`, `answer 429 1`, `answer-after 500`, `stall-request`, `stall-answer`,
    /// `kill before`, `kill after`, `strike before`, `strike after`, `gone 2`, `freeze 2`, `echo`, `swap`, `stale`.
    public init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ")
        let numbers = words.dropFirst().map { Int($0) }
        switch (words.first, numbers.count) {
        case ("cut", 0): self = .cut
        case ("cut-answer", 0): self = .cutAnswer
        case ("truncate", 0): self = .truncate
        case ("stall-request", 0): self = .stallRequest
        case ("stall-answer", 0): self = .stallAnswer
        case ("echo", 0): self = .echo
        case ("swap", 0): self = .swap
        case ("stale", 0): self = .stale
        case ("answer", 2):
            guard let status = numbers[0], let seconds = numbers[1] else { return nil }
            self = .answer(status, retryAfter: seconds)
        case ("kill", 1):
            guard let moment = Moment(rawValue: String(words[1])) else { return nil }
            self = .kill(moment)
        case ("strike", 1):
            guard let moment = Moment(rawValue: String(words[1])) else { return nil }
            self = .strike(moment)
        case (let name?, 1):
            guard let number = numbers[0], number >= 0 else { return nil }
            switch name {
            case "delay": self = .delay(number)
            case "answer": self = .answer(number, retryAfter: nil)
            case "answer-after": self = .answerAfter(number)
            case "gone": self = .gone(after: number)
            case "freeze": self = .freeze(after: number)
            default: return nil
            }
        default: return nil
        }
    }

    /// The fault in the words it can be made from.
    public var description: String {
        switch self {
        case .delay(let milliseconds): "delay \(milliseconds)"
        case .cut: "cut"
        case .cutAnswer: "cut-answer"
        case .truncate: "truncate"
        case .answer(let status, let seconds): "answer \(status)" + (seconds.map { " \($0)" } ?? "")
        case .answerAfter(let status): "answer-after \(status)"
        case .stallRequest: "stall-request"
        case .stallAnswer: "stall-answer"
        case .kill(let moment): "kill \(moment.rawValue)"
        case .strike(let moment): "strike \(moment.rawValue)"
        case .gone(let events): "gone \(events)"
        case .freeze(let events): "freeze \(events)"
        case .echo: "echo"
        case .swap: "swap"
        case .stale: "stale"
        }
    }
}
