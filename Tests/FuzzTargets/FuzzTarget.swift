/// One thing that is fed bytes nobody has chosen, and what must hold of it whatever they are.
///
/// libFuzzer runs it (`make fuzz`), and the tests run it on every input that is kept in Fuzz/Corpora.
public struct FuzzTarget: Sendable {
    /// What it is called on the command line, and its folder in Fuzz/Corpora.
    public let name: String
    private let body: @Sendable (UnsafeRawBufferPointer) throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Feeds it one input.
    ///
    /// - Throws: ``Broken`` when something does not hold. A trap is a finding too.
    public func run(_ bytes: UnsafeRawBufferPointer) throws {
        try self.body(bytes)
    }

    /// All of them.
    public static let all: [FuzzTarget] = [
        .requestHead, .responseHead, .body, .hello, .fieldBlock, .http2, .match, .gateway, .relay,
    ]
}

/// What does not hold.
public struct Broken: Error, CustomStringConvertible {
    /// What should have held, and what was seen.
    public let description: String
}

/// Throws unless `holds`.
func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    guard !holds else { return }
    throw Broken(description: what())
}
