public import KubernetesClient
public import KubernetesModel
public import NIOCore
import Synchronization

/// A transport to a ``ModelCluster``, with watches, and with faults where a test wants them.
public final class ModelAPIServer: KubernetesTransport {
    /// What goes wrong with one request.
    public enum Fault: Sendable {
        /// The connection dies before the server has seen the request.
        case lost
        /// The server does what it is asked to, and the connection dies before the answer.
        case answerLost
        /// The server answers this instead.
        case answer(Int, reason: String, message: String)
    }

    private struct Watch {
        var request: KubernetesRequest
        var lines: AsyncThrowingStream<ByteBuffer, any Error>.Continuation
    }

    private struct State {
        var cluster: ModelCluster
        var watches: [Watch] = []
        var requests: [KubernetesRequest] = []
        var fault: @Sendable (KubernetesRequest) -> Fault?
        /// Up to which version the watches were told.
        var told = 0
    }

    private let state: Mutex<State>
    private let forward: @Sendable (KubernetesRequest) throws -> any Channel

    /// A server over a cluster.
    ///
    /// - Parameters:
    ///   - cluster: the world it starts with.
    ///   - fault: asked about every request; nil lets it pass.
    ///   - forward: makes the channel of a port-forward; the default refuses.
    public init(
        _ cluster: ModelCluster = ModelCluster(),
        fault: @escaping @Sendable (KubernetesRequest) -> Fault? = { _ in nil },
        forward: @escaping @Sendable (KubernetesRequest) throws -> any Channel = { _ in
            throw KubernetesError(.unsupported, "the model forwards no ports")
        }
    ) {
        self.state = Mutex(State(cluster: cluster, fault: fault, told: cluster.version))
        self.forward = forward
    }

    /// The two ends in words.
    public var peer: TransportPeer { TransportPeer(server: "the model", user: "the test") }

    /// The cluster as it is now.
    public var cluster: ModelCluster { self.state.withLock { $0.cluster } }

    /// The cluster's resource version: as long as it stays, nothing has changed.
    public var version: Int { self.state.withLock { $0.cluster.version } }

    /// The requests seen so far, lost ones included.
    public var requests: [KubernetesRequest] { self.state.withLock { $0.requests } }

    /// Replaces what goes wrong from now on.
    public func setFault(_ fault: @escaping @Sendable (KubernetesRequest) -> Fault?) {
        self.state.withLock { $0.fault = fault }
    }

    /// Changes the cluster behind the clients' backs; watches tell of it.
    @discardableResult
    public func change<Result: Sendable>(_ body: @Sendable (inout ModelCluster) throws -> Result) rethrows -> Result {
        try self.state.withLock { state in
            defer { Self.tell(&state) }
            return try body(&state.cluster)
        }
    }

    /// Ends all watches, as a server does at its time-out or when it stops.
    ///
    /// - Parameter forgetting: whether it has also lost what happened so far: old versions get 410.
    public func endWatches(forgetting: Bool = false) {
        self.state.withLock { state in
            for watch in state.watches { watch.lines.finish() }
            state.watches = []
            if forgetting { state.cluster.oldestVersion = state.cluster.version }
        }
    }

    /// How many watches are open.
    public var openWatches: Int { self.state.withLock { $0.watches.count } }

    /// Answers a request.
    public func send(_ request: KubernetesRequest) async throws -> KubernetesResponse {
        try self.state.withLock { state in
            state.requests.append(request)
            let fault = state.fault(request)
            switch fault {
            case .lost: throw KubernetesError(.unreachable, "lost before it arrived", request: request.summary)
            case .answer(let code, let reason, let message):
                let status = KubernetesStatus(code: code, reason: reason, message: message)
                return KubernetesResponse(status: code, body: KubernetesBody(status.json.bytes))
            case .answerLost, nil: break
            }
            if request.isStream { return Self.watch(request, &state) }
            let answer = state.cluster.handle(request)
            Self.tell(&state)
            if case .answerLost = fault {
                throw KubernetesError(.unreachable, "the answer was lost", request: request.summary)
            }
            return KubernetesResponse(status: answer.status, body: KubernetesBody(answer.body.bytes))
        }
    }

    private static func watch(_ request: KubernetesRequest, _ state: inout State) -> KubernetesResponse {
        let since = request.query.first { $0.name == "resourceVersion" }.flatMap { Int($0.value) } ?? 0
        guard since >= state.cluster.oldestVersion else {
            let status = KubernetesStatus(code: 410, reason: "Expired", message: "too old resource version: \(since)")
            return KubernetesResponse(status: 410, body: KubernetesBody(status.json.bytes))
        }
        let (lines, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        for change in state.cluster.changes where change.version > since {
            if let line = change.line(for: request) { continuation.yield(Self.buffer(line)) }
        }
        state.watches.append(Watch(request: request, lines: continuation))
        return KubernetesResponse(status: 200, body: KubernetesBody(lines))
    }

    /// Tells the watches what is new.
    private static func tell(_ state: inout State) {
        let told = state.told
        state.told = state.cluster.version
        for change in state.cluster.changes where change.version > told {
            for watch in state.watches {
                if let line = change.line(for: watch.request) { watch.lines.yield(Self.buffer(line)) }
            }
        }
    }

    private static func buffer(_ line: JSONValue) -> ByteBuffer {
        ByteBuffer(bytes: line.bytes + [0x0a])
    }

    /// Opens what the test says.
    public func upgrade(
        _ request: KubernetesRequest,
        subprotocol: String,
        on eventLoop: (any EventLoop)?,
        configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        self.state.withLock { $0.requests.append(request) }
        let channel = try self.forward(request)
        try await channel.eventLoop.submit { try configure(channel) }.get()
        return channel
    }

    /// Ends all watches.
    public func shutdown() async throws {
        self.endWatches()
    }
}
