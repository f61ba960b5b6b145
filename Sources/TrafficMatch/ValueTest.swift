/// What a condition wants of a value.
public enum ValueTest: Hashable, Sendable {
    /// The value is exactly this, byte by byte.
    case exact(String)
    /// The value begins with this.
    case prefix(String)
    /// The whole value matches this expression.
    case regex(Pattern)
    /// There is a value, whatever it is.
    case present

    /// Whether every value that passes `other` passes this test too, as far as that can be told.
    func covers(_ other: ValueTest) -> Bool {
        switch (self, other) {
        case (.present, _): true
        case (_, .exact(let value)): self.isPassed(by: value)
        case (.prefix(let mine), .prefix(let theirs)): theirs.utf8.starts(with: mine.utf8)
        default: self == other
        }
    }

    /// Whether one value could pass both tests, as far as that can be told.
    func overlaps(_ other: ValueTest) -> Bool {
        switch (self, other) {
        case (.exact(let value), _): other.isPassed(by: value)
        case (_, .exact(let value)): self.isPassed(by: value)
        case (.prefix(let mine), .prefix(let theirs)):
            mine.utf8.starts(with: theirs.utf8) || theirs.utf8.starts(with: mine.utf8)
        default: true
        }
    }

    func isPassed(by value: String) -> Bool {
        Array(value.utf8).withUnsafeBytes { PreparedTest(self).isPassed(by: $0) }
    }

    /// The test after a name, as in `: yes` or ` ~ v[0-9]+`.
    var suffix: String {
        switch self {
        case .exact(let value): ": \(value)"
        case .prefix(let value): ": \(value)… (prefix)"
        case .regex(let pattern): " matching \(pattern)"
        case .present: " present"
        }
    }
}

/// A test with the bytes it compares, made once and not for each request.
struct PreparedTest: Sendable {
    private let bytes: [UInt8]
    private let test: ValueTest

    init(_ test: ValueTest) {
        self.test = test
        self.bytes =
            switch test {
            case .exact(let value), .prefix(let value): Array(value.utf8)
            case .regex, .present: []
            }
    }

    @inline(__always)
    func isPassed(by value: UnsafeRawBufferPointer) -> Bool {
        switch self.test {
        case .exact: value.count == self.bytes.count && self.isPrefix(of: value)
        case .prefix: value.count >= self.bytes.count && self.isPrefix(of: value)
        case .regex(let pattern): pattern.matches(value)
        case .present: true
        }
    }

    private func isPrefix(of value: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < self.bytes.count {
            guard value[index] == self.bytes[index] else { return false }
            index &+= 1
        }
        return true
    }
}
