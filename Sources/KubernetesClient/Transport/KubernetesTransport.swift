public import KubernetesModel
public import NIOCore

/// How requests get to an API server: over the network, or by a script in tests.
public protocol KubernetesTransport: Sendable {
    /// Who is asked, and as whom; for messages.
    var peer: TransportPeer { get }

    /// Makes sure that there are credentials; may take as long as the user takes to give them.
    ///
    /// - Throws: ``KubernetesError`` of code `credentials` or `configuration`.
    func authenticate() async throws

    /// Sends a request and returns when the answer's head is there. Any HTTP status is an answer.
    ///
    /// - Throws: ``KubernetesError`` of code `unreachable` or `timeout`, when there is none.
    func send(_ request: KubernetesRequest) async throws -> KubernetesResponse

    /// Sends a request that asks for a WebSocket of the given subprotocol, and returns the channel when it is one.
    ///
    /// - Parameters:
    ///   - request: what to open.
    ///   - subprotocol: the only one offered.
    ///   - eventLoop: where the channel is to live; nil for any.
    ///   - configure: runs on the channel's event loop, before the first byte is delivered.
    /// - Returns: the channel, which speaks plain bytes.
    /// - Throws: ``KubernetesError``.
    func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel

    /// Sends from now on over new connections only: those there are lead through a network that is gone. Open streams of
    /// requests end; requests under way and upgraded connections go on.
    func renew()

    /// Closes what is open. Must be called once, at the end.
    func shutdown() async throws
}

extension KubernetesTransport {
    /// Does nothing: most transports need no credentials.
    public func authenticate() async throws {}

    /// Does nothing: most transports keep no connections.
    public func renew() {}
}

/// The two ends of a transport in words.
public struct TransportPeer: Sendable, Hashable {
    /// The API server's URL.
    public var server: String
    /// Who is asking.
    public var user: String

    /// The two ends in words.
    public init(server: String, user: String) {
        self.server = server
        self.user = user
    }
}

/// An answer: its head, and a body that is read as it comes.
public struct KubernetesResponse: Sendable {
    /// The HTTP status.
    public var status: Int
    /// The `Retry-After` header, when it is a number of seconds.
    public var retryAfter: Int?
    /// The body.
    public var body: KubernetesBody

    /// An answer by its parts.
    public init(status: Int, retryAfter: Int? = nil, body: KubernetesBody) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
    }
}

/// A body that is read as it comes, and only as fast as it is read.
public struct KubernetesBody: AsyncSequence, Sendable {
    /// Bytes as they came.
    public typealias Element = ByteBuffer
    /// Whatever the transport fails with.
    public typealias Failure = any Error

    private let base: any AsyncSequence<ByteBuffer, any Error> & Sendable

    /// A body that comes from elsewhere.
    public init(_ base: some AsyncSequence<ByteBuffer, any Error> & Sendable) {
        self.base = base
    }

    /// A body that is there already.
    public init(_ bytes: [UInt8]) {
        self.base = AsyncThrowingStream<ByteBuffer, any Error> { stream in
            if !bytes.isEmpty { stream.yield(ByteBuffer(bytes: bytes)) }
            stream.finish()
        }
    }

    /// Reads from the start; a body can be read once.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: self.base.makeAsyncIterator())
    }

    /// Walks a body.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: any AsyncIteratorProtocol<ByteBuffer, any Error>

        /// The next bytes; nil at the end.
        public mutating func next() async throws -> ByteBuffer? {
            try await self.base.next(isolation: #isolation)
        }

        /// The next bytes; nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            try await self.base.next(isolation: actor)
        }
    }

    /// The whole body.
    ///
    /// - Throws: ``KubernetesError`` of code `protocolViolation` when it is longer than `limit`.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await buffer in self {
            guard bytes.count + buffer.readableBytes <= limit else {
                throw KubernetesError(.protocolViolation, "the API server's answer is longer than \(limit) bytes")
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }
}
