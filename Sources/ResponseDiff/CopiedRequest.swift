public import HTTPWire

/// What is to be known of a request to send its copy and to name it.
public struct CopiedRequest: Sendable, Hashable {
    /// The method, which decides how the answer ends.
    public var method: HTTPWire.Method
    /// The request target as it was sent, its query included.
    public var target: String
    /// Whether it is one whole request and nothing else.
    public var isWhole: Bool

    /// Reads the request at the start of `bytes`; nil when there is no whole head of one.
    public init?(_ bytes: [UInt8]) {
        let read = bytes.withUnsafeBytes { raw -> CopiedRequest? in
            let view = ByteView(raw)
            var scanner = HeadScanner()
            guard case .complete(let head) = scanner.scanRequest(view) else { return nil }
            var framer = head.framing
            let body = framer.take(view, from: head.length)
            return CopiedRequest(
                method: head.method,
                target: String(decoding: view.bytes(head.target), as: UTF8.self),
                isWhole: framer.isComplete && body == view.count - head.length
            )
        }
        guard let read else { return nil }
        self = read
    }

    private init(method: HTTPWire.Method, target: String, isWhole: Bool) {
        self.method = method
        self.target = target
        self.isWhole = isWhole
    }
}
