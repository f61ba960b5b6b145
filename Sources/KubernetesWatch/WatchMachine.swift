public import KubernetesModel

/// Keeps a collection in view: list, watch from there, and whatever it takes to go on after an interruption.
///
/// The shell performs the action each call returns and reports what came of it. The rules:
/// - Nothing is assumed about resource versions; they are handed back as they came.
/// - 410 comes in two forms, as the HTTP status and as an `ERROR` event inside a stream; both mean: list again.
/// - A stream that ends is normal; the watch goes on from the last version seen.
/// - Another failure means a pause, then the same again; a watch that fails twice without an event lists again,
///   because the version it holds may be what the server cannot serve.
/// - The first list must succeed. Later on, refusals (401, 403, 404 …) are endured `patience` times in a row: API servers
///   give them for a moment while they start.
public struct WatchMachine: Sendable {
    /// What the shell does next.
    public enum Action: Sendable, Equatable {
        /// Ask for a page: the first one, or the one that the token names.
        case list(continueToken: String?)
        /// Open a watch.
        case watch(resourceVersion: String)
        /// Read on.
        case read
        /// Pause, then call ``WatchMachine/resumed()``.
        case wait(Duration)
        /// Give up with this error.
        case fail(KubernetesError)
    }

    private enum State: Sendable {
        case listing(collected: [DynamicObject])
        case watching(resourceVersion: String)
        case waiting(resourceVersion: String?)
        case failed
    }

    private var state: State = .listing(collected: [])
    private var backoff = Backoff(longest: .seconds(10))
    private var hasListed = false
    private var fruitlessWatches = 0
    private var refusals = 0
    private let patience: Int
    /// Nobody may ask a watch to be blind for longer: a proxy's `Retry-After` can be a day.
    private static let longestWait = Duration.seconds(60)
    /// A stream that was open this long has worked.
    private static let ordinaryLife = Duration.seconds(10)

    /// A machine that endures `patience` refusals in a row once it has listed.
    public init(patience: Int = 6) {
        self.patience = patience
    }

    /// The first action.
    public func start() -> Action { .list(continueToken: nil) }

    /// A page arrived.
    public mutating func listed(_ page: ObjectList) -> (update: WatchUpdate?, action: Action) {
        guard case .listing(let collected) = self.state else { return (nil, .list(continueToken: nil)) }
        let items = collected + page.items
        if let token = page.continueToken {
            self.state = .listing(collected: items)
            return (nil, .list(continueToken: token))
        }
        self.hasListed = true
        self.state = .watching(resourceVersion: page.resourceVersion)
        return (.reset(items), .watch(resourceVersion: page.resourceVersion))
    }

    /// An event arrived.
    public mutating func received(_ event: WatchEvent, jitter: Double) -> (update: WatchUpdate?, action: Action) {
        switch event {
        case .applied(let object):
            self.advance(to: object.resourceVersion)
            return (.applied(object), .read)
        case .deleted(let object):
            self.advance(to: object.resourceVersion)
            return (.deleted(object), .read)
        case .bookmark(let resourceVersion):
            self.advance(to: resourceVersion)
            return (nil, .read)
        case .failure(let status):
            let code = KubernetesError.Code(httpStatus: status.code, reason: status.reason)
            return (nil, self.failed(KubernetesError(code, status.message, status: status), jitter: jitter))
        }
    }

    /// The watch's stream ended without an error.
    ///
    /// - Parameters:
    ///   - lived: how long the stream was open.
    ///   - jitter: a random number from 0 to 1.
    public mutating func ended(lived: Duration, jitter: Double) -> Action {
        guard case .watching(let resourceVersion) = self.state else { return .list(continueToken: nil) }
        self.refusals = 0
        // A server that ends every stream at once must not be asked in a tight loop; an end in its time is no failure.
        if lived >= Self.ordinaryLife { self.backoff.reset() }
        self.state = .waiting(resourceVersion: resourceVersion)
        return .wait(self.backoff.next(jitter: jitter))
    }

    /// A list or a watch failed.
    public mutating func failed(_ error: KubernetesError, jitter: Double) -> Action {
        if error.isExpired {
            // The first time it is plain ageing and answered at once; again and again it is paused for.
            let pause = self.backoff.next(jitter: jitter)
            guard self.backoff.count > 1 else { return self.relist() }
            self.state = .waiting(resourceVersion: nil)
            return .wait(pause)
        }
        if !error.isRetryable {
            self.refusals += 1
            if !self.hasListed || self.refusals >= self.patience {
                self.state = .failed
                return .fail(error)
            }
        } else if !self.hasListed {
            self.state = .failed
            return .fail(error)
        }
        if case .watching(let resourceVersion) = self.state {
            self.fruitlessWatches += 1
            self.state = .waiting(resourceVersion: self.fruitlessWatches < 2 ? resourceVersion : nil)
        } else {
            self.state = .waiting(resourceVersion: nil)
        }
        // Never less than our own pause: a server that says 0 would be asked without end.
        let pause = self.backoff.next(jitter: jitter)
        return .wait(min(max(error.retryAfter ?? .zero, pause), Self.longestWait))
    }

    /// The way to the server is another one: what was under way on the old one is lost, and its failures count no more.
    public mutating func renewed() -> Action {
        self.backoff.reset()
        self.refusals = 0
        return self.relist()
    }

    /// The pause is over.
    public mutating func resumed() -> Action {
        guard case .waiting(let resourceVersion?) = self.state else { return self.relist() }
        self.state = .watching(resourceVersion: resourceVersion)
        return .watch(resourceVersion: resourceVersion)
    }

    private mutating func relist() -> Action {
        self.fruitlessWatches = 0
        self.state = .listing(collected: [])
        return .list(continueToken: nil)
    }

    private mutating func advance(to resourceVersion: String) {
        self.fruitlessWatches = 0
        self.refusals = 0
        self.backoff.reset()
        // An object without a version cannot move the bookmark: going back to the last one only repeats events.
        if !resourceVersion.isEmpty { self.state = .watching(resourceVersion: resourceVersion) }
    }
}
