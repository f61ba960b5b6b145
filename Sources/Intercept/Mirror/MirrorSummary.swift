/// What a mirror has found so far.
public struct MirrorSummary: Sendable, Hashable {
    /// Exchanges that were compared.
    public var compared = 0
    /// Those of them whose answers differ.
    public var different = 0
    /// Exchanges that were not compared, by why, as in `too-long`.
    public var missed: [String: Int] = [:]

    /// Whether something was compared and nothing differs.
    public var isPassed: Bool { self.compared > 0 && self.different == 0 }

    /// Nothing yet.
    public init() {}
}
