public import ResponseDiff

/// One request that this machine and the original both answered.
public struct MirroredAnswer: Sendable, Hashable {
    /// The request's method.
    public var method: String
    /// The request's target, its query included.
    public var target: String
    /// The original's status.
    public var status: Int
    /// How this machine's answer differs; empty when it does not.
    public var differences: [ResponseDifference]

    /// An answer by its parts.
    public init(method: String, target: String, status: Int, differences: [ResponseDifference]) {
        self.method = method
        self.target = target
        self.status = status
        self.differences = differences
    }
}
