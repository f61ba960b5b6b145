/// A regular expression that a value must satisfy as a whole, matched in time linear in the value's length.
///
/// The dialect is the part of RE2's that a position automaton can decide: literals, `.`, classes, `\d \w \s`, groups,
/// alternation, `* + ? {m,n}`, and `(?i)` at the start. Backreferences and look-around are refused: they need backtracking,
/// and with it one request could stall all others. The value is looked at byte by byte, `^` and `$` are implied.
///
/// A pattern has at most ``mostPositions`` positions, so that a byte costs at most as many steps.
public struct Pattern: Hashable, Sendable, CustomStringConvertible {
    /// The most bytes-to-match a pattern may come to, counted repetitions written out.
    public static let mostPositions = 256

    /// The expression as it was written.
    public let source: String

    private let automaton: PositionAutomaton

    /// A pattern from its source.
    ///
    /// - Throws: ``MatchError`` with code `invalidPattern`, naming the place.
    public init(_ source: String) throws(MatchError) {
        var parser = PatternParser(source)
        let node = try parser.parse()
        self.source = source
        self.automaton = PositionAutomaton(node, size: parser.positions)
    }

    /// Whether the expression matches all of `value`.
    public func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        self.automaton.matches(value)
    }

    /// The expression as it was written.
    public var description: String { self.source }

    /// Two patterns are the same when their sources are.
    public static func == (left: Pattern, right: Pattern) -> Bool { left.source == right.source }

    /// Hashes the source.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.source) }
}

/// A set of at most 256 positions, or of byte values.
struct PositionSet: Hashable, Sendable {
    private var words = SIMD4<UInt64>()

    static let all = PositionSet(words: SIMD4(repeating: .max))

    private init(words: SIMD4<UInt64>) { self.words = words }

    init() {}

    init(_ position: Int) { self.insert(position) }

    init(_ range: ClosedRange<UInt8>) {
        for position in range { self.insert(Int(position)) }
    }

    mutating func insert(_ position: Int) { self.words[position >> 6] |= 1 << UInt64(position & 63) }

    func contains(_ position: Int) -> Bool { self.words[position >> 6] >> UInt64(position & 63) & 1 == 1 }

    mutating func formUnion(_ other: PositionSet) { self.words |= other.words }

    func union(_ other: PositionSet) -> PositionSet { PositionSet(words: self.words | other.words) }

    func intersection(_ other: PositionSet) -> PositionSet { PositionSet(words: self.words & other.words) }

    var complement: PositionSet { PositionSet(words: ~self.words) }

    var isEmpty: Bool { self.words == SIMD4() }

    /// Calls `body` with every position, in order.
    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        for index in 0..<4 {
            var word = self.words[index]
            while word != 0 {
                body(index << 6 + word.trailingZeroBitCount)
                word &= word &- 1
            }
        }
    }
}

/// Glushkov's automaton: its states are the expression's positions, each of which takes one byte.
struct PositionAutomaton: Sendable {
    /// The positions that take each byte value.
    private var takers = [PositionSet](repeating: PositionSet(), count: 256)
    /// The positions that may come after each.
    private var follow: [PositionSet]
    private let first: PositionSet
    private let last: PositionSet
    private let acceptsNothing: Bool

    init(_ node: PatternNode, size: Int) {
        var follow = [PositionSet](repeating: PositionSet(), count: size)
        var takers = [PositionSet](repeating: PositionSet(), count: 256)
        var next = 0
        let ends = Self.walk(node, &next, &follow, &takers)
        self.follow = follow
        self.takers = takers
        self.first = ends.first
        self.last = ends.last
        self.acceptsNothing = ends.isNullable
    }

    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        guard let start = value.first else { return self.acceptsNothing }
        var active = self.first.intersection(self.takers[Int(start)])
        for byte in value.dropFirst() {
            if active.isEmpty { return false }
            var reached = PositionSet()
            active.forEach { reached.formUnion(self.follow[$0]) }
            active = reached.intersection(self.takers[Int(byte)])
        }
        return !active.intersection(self.last).isEmpty
    }

    private struct Ends {
        var first = PositionSet()
        var last = PositionSet()
        var isNullable = true

        /// Both, one after the other.
        mutating func append(_ other: Ends, _ follow: inout [PositionSet]) {
            self.last.forEach { follow[$0].formUnion(other.first) }
            if self.isNullable { self.first.formUnion(other.first) }
            self.last = other.isNullable ? self.last.union(other.last) : other.last
            self.isNullable = self.isNullable && other.isNullable
        }
    }

    private static func walk(
        _ node: PatternNode,
        _ next: inout Int,
        _ follow: inout [PositionSet],
        _ takers: inout [PositionSet]
    ) -> Ends {
        switch node {
        case .bytes(let set):
            let position = next
            next += 1
            set.forEach { takers[$0].insert(position) }
            return Ends(first: PositionSet(position), last: PositionSet(position), isNullable: false)
        case .sequence(let nodes):
            var ends = Ends()
            for node in nodes { ends.append(Self.walk(node, &next, &follow, &takers), &follow) }
            return ends
        case .choice(let nodes):
            var ends = Ends(isNullable: false)
            for node in nodes {
                let one = Self.walk(node, &next, &follow, &takers)
                ends.first.formUnion(one.first)
                ends.last.formUnion(one.last)
                ends.isNullable = ends.isNullable || one.isNullable
            }
            return ends
        case .repeated(let node, let least, let most):
            var ends = Ends()
            for copy in 0..<(most ?? max(least, 1)) {
                var one = Self.walk(node, &next, &follow, &takers)
                if copy >= least { one.isNullable = true }
                if most == nil, copy == max(least, 1) - 1 {
                    let again = one.first
                    one.last.forEach { follow[$0].formUnion(again) }
                }
                ends.append(one, &follow)
            }
            return ends
        }
    }
}
