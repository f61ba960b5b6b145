import KubernetesModel
import KubernetesWatch

/// How often, and for how long, a request is tried.
public struct RetryPolicy: Sendable {
    /// How often a repeatable request is tried. Others are tried once, always.
    public var attempts = 4
    /// How long one try may take, body included.
    public var deadline = Duration.seconds(60)
    /// The longest `Retry-After` that is waited for; a longer one ends the tries.
    public var longestWait = Duration.seconds(10)
    /// The first pause; later ones double.
    public var firstPause = Duration.milliseconds(200)
    /// After how long without an answer that is said.
    public var patience = Duration.seconds(5)
    /// Told in a sentence that an answer takes long, once until there is one.
    public var notice: @Sendable (String) -> Void = { _ in }
    /// Waits; replaced in tests.
    public var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// A random number from 0 to 1; replaced in tests.
    public var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// The defaults.
    public init() {}
}

/// Sends requests that are answered by one JSON document, and tries again what may be tried again.
struct RequestSender: Sendable {
    static let bodyLimit = 64 * 1024 * 1024

    let transport: any KubernetesTransport
    var policy: RetryPolicy
    let renewals = Renewals()
    private let silence = Silence()

    init(transport: any KubernetesTransport, policy: RetryPolicy) {
        self.transport = transport
        self.policy = policy
    }

    /// The answer's document.
    ///
    /// Repeatable requests are sent again after a connection that failed, 429, 500 (which is also what a change of etcd's
    /// leader looks like), 502, 503 and 504. A change is sent again only after a 429 that names such a time: the server turned it away unread (RFC
    /// 6585 section 4). A change whose fate is unknown is the caller's to look at.
    func json(_ request: KubernetesRequest) async throws -> JSONValue {
        // Ahead of the clock: a plugin may be asking the user for a code.
        try await self.transport.authenticate()
        return try await self.silence.noticed(after: self.policy.patience, { self.sayWaiting() }) {
            try await self.tried(request)
        }
    }

    private func sayWaiting() {
        self.policy.notice(
            "no usable answer from the API server \(self.transport.peer.server) for \(self.policy.patience.components.seconds) s; "
                + "still trying"
        )
    }

    private func tried(_ request: KubernetesRequest) async throws -> JSONValue {
        var backoff = Backoff(first: self.policy.firstPause, longest: self.policy.longestWait)
        var attempt = 1
        while true {
            do {
                return try await self.once(request)
            } catch let error as KubernetesError {
                let wait = max(error.retryAfter ?? .zero, backoff.next(jitter: self.policy.jitter()))
                guard
                    request.isRepeatable || error.isTurnedAway, attempt < self.policy.attempts, error.isWorthRepeating,
                    wait <= self.policy.longestWait
                else { throw error }
                attempt += 1
                try await self.policy.sleep(wait)
            }
        }
    }

    private func once(_ request: KubernetesRequest) async throws -> JSONValue {
        // Ahead of the deadline, for the same reason.
        try await self.transport.authenticate()
        let (response, bytes) = try await withDeadline(self.policy.deadline, late: { self.late(request) }) {
            [transport] in
            let response = try await transport.send(request)
            do {
                return (response, try await response.body.collect(upTo: Self.bodyLimit))
            } catch {
                if Task.isCancelled { throw CancellationError() }
                throw ConnectionTrouble.error(error, server: transport.peer.server, request: request)
            }
        }
        guard (200..<300).contains(response.status) else { throw self.transport.refusal(response, bytes, request) }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw KubernetesError(
                .protocolViolation,
                "\(self.transport.peer.server) answered with something else than JSON: is it an API server, or does a login "
                    + "page or a proxy stand before it?",
                request: request.summary,
                cause: error
            )
        }
    }

    private func late(_ request: KubernetesRequest) -> KubernetesError {
        let server = self.transport.peer.server
        var message = "the API server \(server) gave no complete answer in \(self.policy.deadline)"
        if !request.isRepeatable { message += "; whether it did what it was asked to is unknown" }
        return KubernetesError(.timeout, message, request: request.summary)
    }
}

extension KubernetesError {
    fileprivate var isTurnedAway: Bool { self.code == .tooManyRequests && self.retryAfter != nil }

    fileprivate var isWorthRepeating: Bool {
        // A plugin that failed said why to the user; whether to run it again is not for one request to decide.
        guard self.isRetryable, self.code != .credentials else { return false }
        return self.code != .server || self.retryAfter != nil || [500, 502, 503].contains(self.status?.code)
    }
}
