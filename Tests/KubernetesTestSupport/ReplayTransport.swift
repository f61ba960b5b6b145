public import KubernetesClient
public import KubernetesModel
public import NIOCore
import Synchronization

/// A transport that answers reads with recorded documents by their path, in any order and any number of times.
public final class ReplayTransport: KubernetesTransport {
    private let documents: [String: JSONValue]
    private let refusal: Int
    private let seen = Mutex<[KubernetesRequest]>([])

    /// A transport over documents.
    ///
    /// - Parameters:
    ///   - documents: the answers by path.
    ///   - refusal: the HTTP status for every other path.
    public init(_ documents: [String: JSONValue], refusal: Int = 404) {
        self.documents = documents
        self.refusal = refusal
    }

    /// The two ends in words.
    public var peer: TransportPeer { TransportPeer(server: "the recording", user: "the test") }
    /// The paths asked for, in order.
    public var paths: [String] { self.seen.withLock { $0.map(\.path) } }
    /// The `Accept` headers, in order.
    public var accepts: [String] { self.seen.withLock { $0.map(\.accept) } }

    /// Answers with the document of the path.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        self.seen.withLock { $0.append(request) }
        if let document = self.documents[request.path] {
            return KubernetesResponse(status: 200, body: KubernetesBody(document.bytes))
        }
        let status = KubernetesStatus(
            code: self.refusal,
            reason: "",
            message: "there is no recording of \(request.path)"
        )
        return KubernetesResponse(status: self.refusal, body: KubernetesBody(status.json.bytes))
    }

    /// Recordings have no upgrades.
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        throw KubernetesError(.unsupported, "recordings have no upgrades")
    }

    /// Nothing to close.
    public func shutdown() async throws {}
}
