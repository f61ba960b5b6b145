/// A parsed expression.
indirect enum PatternNode: Sendable {
    /// One byte out of a set.
    case bytes(PositionSet)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// At least, and at most, so many times; without an upper bound when that is nil.
    case repeated(PatternNode, least: Int, most: Int?)
}

/// Reads an expression; recursion is bounded by ``deepest``.
struct PatternParser {
    private static let deepest = 32

    private let source: String
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0
    private var ignoresCase = false
    /// How many positions the expression read so far comes to.
    private(set) var positions = 0

    init(_ source: String) {
        self.source = source
        self.bytes = Array(source.utf8)
    }

    mutating func parse() throws(MatchError) -> PatternNode {
        if self.take("(?i)") { self.ignoresCase = true }
        let node = try self.choice()
        guard self.index == self.bytes.count else { throw self.wrong("an unopened ) is closed") }
        return node
    }

    private mutating func choice() throws(MatchError) -> PatternNode {
        self.depth += 1
        defer { self.depth -= 1 }
        guard self.depth <= Self.deepest else { throw self.wrong("groups are nested deeper than \(Self.deepest)") }
        var branches = [try self.sequence()]
        while self.take("|") { branches.append(try self.sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(MatchError) -> PatternNode {
        // The value is matched as a whole: both anchors only say what is so anyhow, at the ends of a top-level branch.
        if self.depth == 1 { _ = self.take("^") }
        var nodes: [PatternNode] = []
        while let byte = self.peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            if byte == UInt8(ascii: "$"), self.depth == 1, self.endsBranch(at: self.index + 1) {
                self.index += 1
                continue
            }
            let before = self.positions
            var node = try self.atom()
            while let (least, most) = try self.quantifier() {
                let copies = most ?? max(least, 1)
                // What takes no byte counts as well: writing out its copies takes time all the same.
                self.positions = before + max(1, self.positions - before) * copies
                try self.checkSize()
                node = .repeated(node, least: least, most: most)
            }
            nodes.append(node)
        }
        return .sequence(nodes)
    }

    private func endsBranch(at index: Int) -> Bool {
        index == self.bytes.count || self.bytes[index] == UInt8(ascii: "|")
    }

    private mutating func atom() throws(MatchError) -> PatternNode {
        let byte = self.bytes[self.index]
        self.index += 1
        switch byte {
        case UInt8(ascii: "("): return try self.group()
        case UInt8(ascii: "["): return try self.single(self.bracket())
        case UInt8(ascii: "."): return try self.single(.all)
        case UInt8(ascii: "\\"): return try self.single(self.escape())
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            throw self.wrong("nothing comes before the quantifier \(Character(Unicode.Scalar(byte)))")
        case UInt8(ascii: "^"), UInt8(ascii: "$"):
            throw self.wrong("the whole value is matched, so ^ and $ may stand at its ends only")
        default:
            guard byte >= 0xc0 else { return try self.single(PositionSet(Int(byte))) }
            // A character of several bytes is one atom, so that a quantifier after it repeats all of them.
            var nodes = [try self.single(PositionSet(Int(byte)))]
            while let next = self.peek, next & 0xc0 == 0x80 {
                self.index += 1
                nodes.append(try self.single(PositionSet(Int(next))))
            }
            return .sequence(nodes)
        }
    }

    private mutating func single(_ set: PositionSet) throws(MatchError) -> PatternNode {
        self.positions += 1
        try self.checkSize()
        return .bytes(self.ignoresCase ? set.foldingCase : set)
    }

    private mutating func group() throws(MatchError) -> PatternNode {
        if self.peek == UInt8(ascii: "?"), !self.take("?:") {
            throw self.wrong("look-around and named groups are not understood; use ( ) or (?: )")
        }
        let node = try self.choice()
        guard self.take(")") else { throw self.wrong("a ( is not closed") }
        return node
    }

    private mutating func quantifier() throws(MatchError) -> (least: Int, most: Int?)? {
        let bounds: (Int, Int?)
        if self.take("*") {
            bounds = (0, nil)
        } else if self.take("+") {
            bounds = (1, nil)
        } else if self.take("?") {
            bounds = (0, 1)
        } else if self.take("{") {
            bounds = try self.counts()
        } else {
            return nil
        }
        // Lazy or not: whether the whole value matches does not depend on it.
        _ = self.take("?")
        if self.peek == UInt8(ascii: "+") { throw self.wrong("possessive quantifiers are not understood") }
        return bounds
    }

    private mutating func counts() throws(MatchError) -> (Int, Int?) {
        guard let least = self.number() else { throw self.wrong("{ takes a count, as in {2} or {1,3}") }
        var most: Int? = least
        if self.take(",") { most = self.number() }
        guard self.take("}") else { throw self.wrong("a { is not closed") }
        guard least <= most ?? least, most ?? least <= Pattern.mostPositions else {
            throw self.wrong("a count runs backwards or over \(Pattern.mostPositions)")
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = self.index
        while let byte = self.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), self.index - start < 6 {
            self.index += 1
        }
        return Int(String(decoding: self.bytes[start..<self.index], as: UTF8.self))
    }

    private mutating func escape() throws(MatchError) -> PositionSet {
        guard let byte = self.peek else { throw self.wrong("a \\ stands at the end") }
        self.index += 1
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "D"): return PositionSet.digits.complement
        case UInt8(ascii: "w"): return .word
        case UInt8(ascii: "W"): return PositionSet.word.complement
        case UInt8(ascii: "s"): return .space
        case UInt8(ascii: "S"): return PositionSet.space.complement
        case UInt8(ascii: "t"): return PositionSet(9)
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            throw self.wrong("backreferences are not understood: they cannot be matched in linear time")
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
            throw self.wrong("\\\(Character(Unicode.Scalar(byte))) is not understood")
        default: return PositionSet(Int(byte))
        }
    }

    private mutating func bracket() throws(MatchError) -> PositionSet {
        let isNegated = self.take("^")
        var set = PositionSet()
        var isFirst = true
        while isFirst || self.peek != UInt8(ascii: "]") {
            isFirst = false
            let low = try self.bracketItem()
            guard let single = low.single, self.peek == UInt8(ascii: "-"), self.index + 1 < self.bytes.count,
                self.bytes[self.index + 1] != UInt8(ascii: "]")
            else {
                set.formUnion(low.set)
                continue
            }
            self.index += 1
            guard let high = try self.bracketItem().single, single <= high else {
                throw self.wrong("a range in [ ] runs backwards")
            }
            set.formUnion(PositionSet(single...high))
        }
        self.index += 1
        let folded = self.ignoresCase ? set.foldingCase : set
        return isNegated ? folded.complement : folded
    }

    private mutating func bracketItem() throws(MatchError) -> (set: PositionSet, single: UInt8?) {
        guard let byte = self.peek else { throw self.wrong("a [ is not closed") }
        self.index += 1
        if byte == UInt8(ascii: "\\") {
            let isLetter = self.peek.map { (UInt8(ascii: "A")...UInt8(ascii: "z")).contains($0) } ?? false
            let escaped = self.peek
            let set = try self.escape()
            return (set, isLetter ? nil : escaped)
        }
        guard byte < 0x80 else { throw self.wrong("only ASCII characters may stand in [ ]") }
        if byte == UInt8(ascii: "["), self.peek == UInt8(ascii: ":") {
            throw self.wrong("classes such as [:alpha:] are not understood; write a-zA-Z")
        }
        return (PositionSet(Int(byte)), byte)
    }

    private var peek: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    private mutating func take(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard self.index + length <= self.bytes.count else { return false }
        for offset in 0..<length where self.bytes[self.index + offset] != text.utf8Start[offset] { return false }
        self.index += length
        return true
    }

    private func checkSize() throws(MatchError) {
        guard self.positions <= Pattern.mostPositions else {
            throw self.wrong("it comes to more than \(Pattern.mostPositions) positions; make it shorter")
        }
    }

    private func wrong(_ what: String) -> MatchError {
        MatchError(
            code: .invalidPattern,
            message: "the regular expression \"\(self.source.printable)\" cannot be used: \(what) (at \(self.index))"
        )
    }
}

extension PositionSet {
    static let digits = PositionSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
    static let word = PositionSet.digits.union(PositionSet(UInt8(ascii: "a")...UInt8(ascii: "z")))
        .union(PositionSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))).union(PositionSet(Int(UInt8(ascii: "_"))))
    static let space = PositionSet(9...13).union(PositionSet(32))

    /// With both cases of every ASCII letter that is in it.
    var foldingCase: PositionSet {
        var folded = self
        for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
            let upper = Int(letter) - 32
            if self.contains(Int(letter)) { folded.insert(upper) }
            if self.contains(upper) { folded.insert(Int(letter)) }
        }
        return folded
    }
}
