import TestSupport

/// Rules, what they have struck so far, and the chance in it: a value, the same for the same seed and the same requests.
public struct FaultScript: Sendable {
    /// One fault that struck.
    public struct Strike: Hashable, Sendable {
        /// The request.
        public var request: APIRequest
        /// The fault.
        public var fault: Fault
    }

    private var rules: [(rule: FaultRule, seen: Int, struck: Int)]
    private var random: SplitMix64
    /// What has struck, oldest first.
    public private(set) var strikes: [Strike] = []
    /// What was decided on, oldest first.
    public private(set) var seen: [APIRequest] = []
    /// How many requests were decided.
    public var requests: Int { self.seen.count }

    /// A script of rules, of which the first that strikes decides.
    public init(_ rules: [FaultRule] = [], seed: UInt64 = 0) {
        self.rules = rules.map { ($0, 0, 0) }
        self.random = SplitMix64(seed: seed)
    }

    /// What goes wrong with the next request; nil for nothing.
    public mutating func decide(_ request: APIRequest) -> Fault? {
        self.seen.append(request)
        for index in self.rules.indices where self.rules[index].rule.concerns(request) {
            let rule = self.rules[index].rule
            self.rules[index].seen += 1
            guard self.rules[index].seen > rule.skips, self.rules[index].struck < rule.times ?? .max,
                rule.percent == 100 || Int.random(in: 0..<100, using: &self.random) < rule.percent
            else { continue }
            self.rules[index].struck += 1
            self.strikes.append(Strike(request: request, fault: rule.fault))
            return rule.fault
        }
        return nil
    }
}
