import HTTPWire
import ProxyCore
import TrafficMatch

/// What a route wants of a request.
extension FuzzTarget {
    /// Each line up to an empty one is a condition: a letter for its kind, and its text. A request's head follows.
    static let match = FuzzTarget("match") { bytes in
        var rest = bytes[...]
        var conditions: [Condition] = []
        while let end = rest.firstIndex(of: 0x0a) {
            let line = rest[rest.startIndex..<end]
            rest = rest[(end + 1)...]
            guard let kind = line.first, conditions.count < 8 else { break }
            let text = String(decoding: line.dropFirst(), as: UTF8.self)
            // What cannot be is refused in words, never with a trap.
            if let condition = try? Self.condition(kind, text) { conditions.append(condition) }
            if let pattern = try? Pattern(text) {
                try Self.check(pattern, against: UnsafeRawBufferPointer(rebasing: rest))
            }
        }
        guard let match = try? RequestMatch(conditions) else { return }
        try require(match.covers(match), "a match covers itself")
        let raw = UnsafeRawBufferPointer(rebasing: rest)
        var scanner = HeadScanner()
        guard case .complete(let head) = scanner.scanRequest(ByteView(raw)) else { return }
        let isTaken = match.isSatisfied(by: head, in: ByteView(raw))
        try require(!isTaken || match.overlaps(match), "a match that takes a request overlaps itself")
        for condition in match.conditions {
            let one = try RequestMatch([condition])
            try require(one.covers(match), "a condition covers what wants more")
            try require(!isTaken || one.isSatisfied(by: head, in: ByteView(raw)), "all conditions hold at once")
        }
        var survey = MatchSurvey(of: match)
        survey.note(head, in: ByteView(raw))
    }

    private static func condition(_ kind: UInt8, _ text: String) throws -> Condition {
        switch kind {
        case UInt8(ascii: "h"): .header(try HeaderMatch(parsing: text))
        case UInt8(ascii: "H"): .header(try HeaderMatch(parsing: text) { .prefix($0) })
        case UInt8(ascii: "r"):
            .header(try HeaderMatch(parsing: text) { (value) throws(MatchError) in .regex(try Pattern(value)) })
        case UInt8(ascii: "o"): .header(try HeaderMatch(name: text, .present))
        case UInt8(ascii: "c"): .member(try MemberMatch(.cookie, parsing: text))
        case UInt8(ascii: "q"): .member(try MemberMatch(.query, parsing: text))
        case UInt8(ascii: "b"): .member(try MemberMatch(.baggage, parsing: text))
        case UInt8(ascii: "t"): .member(try MemberMatch(.tracestate, parsing: text))
        case UInt8(ascii: "p"): .path(try PathMatch(.exact(text)))
        case UInt8(ascii: "P"): .path(try PathMatch(.prefix(text)))
        case UInt8(ascii: "x"): .path(try PathMatch(.regex(Pattern(text))))
        default: .method(try MethodMatch(text))
        }
    }

    /// An expression says the same of every value in each of the ways it can be written. Each byte of a value costs at most
    /// `Pattern.mostPositions` steps, so whatever takes libFuzzer's time-out is a finding.
    private static func check(_ pattern: Pattern, against rest: UnsafeRawBufferPointer) throws {
        let source = pattern.source
        let isFolded = source.hasPrefix("(?i)")
        let plain = isFolded ? String(source.dropFirst(4)) : source
        guard !plain.contains("^"), !plain.contains("$") else { return }
        let mark = isFolded ? "(?i)" : ""
        let others = ["(?:\(plain))", "\(plain)|\(plain)", "(?:\(plain)){1}"].compactMap { try? Pattern(mark + $0) }
        for value in rest.split(separator: 0x0a, maxSplits: 4, omittingEmptySubsequences: false) {
            let value = UnsafeRawBufferPointer(rebasing: value)
            let isMatched = pattern.matches(value)
            for other in others {
                try require(other.matches(value) == isMatched, "\(source) and \(other) say different things")
            }
        }
    }
}
