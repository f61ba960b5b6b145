public import KubernetesClient
public import KubernetesModel
public import NIOCore
import Synchronization

/// A transport that expects given requests in a given order and gives given answers.
public final class ScriptedTransport: KubernetesTransport {
    /// One exchange.
    public struct Exchange: Sendable {
        var expected: String
        var answer: @Sendable (KubernetesRequest) throws -> KubernetesResponse

        /// Expects `METHOD target` and answers with a document.
        public static func answer(
            _ expected: String,
            status: Int = 200,
            retryAfter: Int? = nil,
            _ json: JSONValue
        ) -> Self {
            Self(expected: expected) { _ in
                KubernetesResponse(status: status, retryAfter: retryAfter, body: KubernetesBody(json.bytes))
            }
        }

        /// Expects `METHOD target` and answers with bytes, cut as given.
        public static func stream(_ expected: String, _ chunks: [String], failing error: KubernetesError? = nil) -> Self
        {
            Self(expected: expected) { _ in
                let body = AsyncThrowingStream<ByteBuffer, any Error> { stream in
                    for chunk in chunks { stream.yield(ByteBuffer(string: chunk)) }
                    stream.finish(throwing: error)
                }
                return KubernetesResponse(status: 200, body: KubernetesBody(body))
            }
        }

        /// Expects `METHOD target` and fails.
        public static func failure(_ expected: String, _ error: KubernetesError) -> Self {
            Self(expected: expected) { _ in throw error }
        }
    }

    private let script: Mutex<(rest: ArraySlice<Exchange>, seen: [KubernetesRequest])>

    /// A transport that plays a script.
    public init(_ script: [Exchange]) {
        self.script = Mutex((script[...], []))
    }

    /// The two ends in words.
    public var peer: TransportPeer {
        TransportPeer(server: "https://scripted:6443", user: "user \"alice\" in context \"test\"")
    }

    /// The requests so far.
    public var requests: [KubernetesRequest] { self.script.withLock { $0.seen } }
    /// How many exchanges are left.
    public var remaining: Int { self.script.withLock { $0.rest.count } }

    /// Plays the next exchange; a request that was not expected is a `protocolViolation`.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        let said = "\(request.method.rawValue) \(request.target)"
        let exchange = try self.script.withLock { script in
            script.seen.append(request)
            guard let exchange = script.rest.first, exchange.expected == said else {
                let expected = script.rest.first?.expected ?? "nothing more"
                throw KubernetesError(.protocolViolation, "the script has \(expected), the client asked \(said)")
            }
            script.rest.removeFirst()
            return exchange
        }
        return try exchange.answer(request)
    }

    /// No script has upgrades.
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        throw KubernetesError(.unsupported, "the script has no upgrades")
    }

    /// Nothing to close.
    public func shutdown() async throws {}
}
