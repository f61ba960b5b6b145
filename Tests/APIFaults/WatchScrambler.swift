/// What a faulty watch makes of the events it is to tell, line by line.
struct WatchScrambler {
    private let fault: Fault
    private var told = 0
    private var previous: [UInt8]?
    private var held: [UInt8]?
    /// Whether the watch is to end.
    private(set) var hasEnded = false

    init(_ fault: Fault) {
        self.fault = fault
    }

    /// Whether a line waits for the next one, or for ``release()``.
    var holds: Bool { self.held != nil }

    /// The lines to tell now, when one more came. Lines come and go with their line feeds.
    mutating func take(_ line: [UInt8]) -> [[UInt8]] {
        guard !self.hasEnded else { return [] }
        defer { self.previous = line }
        switch self.fault {
        case .echo: return [line, line]
        case .stale: return [line] + (self.previous.map { [$0] } ?? [])
        case .swap:
            guard let held = self.held else {
                self.held = line
                return []
            }
            self.held = nil
            return [line, held]
        case .freeze(let events):
            self.told += 1
            return self.told > events ? [] : [line]
        case .gone(let events):
            self.told += 1
            if self.told <= events { return [line] }
            self.hasEnded = true
            return [Self.expired]
        default: return [line]
        }
    }

    /// The line that waited for another that did not come.
    mutating func release() -> [[UInt8]] {
        defer { self.held = nil }
        return self.held.map { [$0] } ?? []
    }

    /// How an API server says that it does not remember that far back.
    private static let expired = Array(
        """
        {"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",\
        "message":"too old resource version","reason":"Expired","code":410}}

        """.utf8
    )
}
