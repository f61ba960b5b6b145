import AsyncHTTPClient
import KubernetesModel
import NIOCore
import NIOHTTP1
import Synchronization

/// Asks the Service for one route's answer again and again, each time on a connection of its own, and keeps who answered.
///
/// On new connections, because those from before a swap stay where they are.
final class Prober: Sendable {
    /// One request's fate.
    struct Answer: Sendable, Hashable {
        var sent: ContinuousClock.Instant
        var received: ContinuousClock.Instant
        /// What the process that answered calls itself, as `leaf/laptop`; nil when nobody did.
        var by: String?
        /// Why nobody did.
        var failure: String?

        /// Whether one of the Service's own Pods did.
        var isOfOriginal: Bool { self.by?.hasPrefix("leaf/leaf-") == true }
    }

    /// What became of the requests so far, one at a time.
    struct Log: Sendable {
        /// How long a request may be under way before it is said to hang.
        static let patience = Duration.seconds(2)

        private(set) var answers: [Answer] = []
        /// When the request was sent that is under way.
        private var asking: ContinuousClock.Instant?

        mutating func ask(at sent: ContinuousClock.Instant) { self.asking = sent }

        mutating func take(_ answer: Answer) {
            self.asking = nil
            self.answers.append(answer)
        }

        /// Asks no more: a request that hangs by then is lost.
        mutating func end(at now: ContinuousClock.Instant) {
            self.answers += [self.hanging(at: now)].compactMap(\.self)
            self.asking = nil
        }

        /// What was answered by nobody, a request that hangs among it.
        func lost(at now: ContinuousClock.Instant) -> [Answer] {
            self.answers.filter { $0.failure != nil } + [self.hanging(at: now)].compactMap(\.self)
        }

        private func hanging(at now: ContinuousClock.Instant) -> Answer? {
            guard let asking, now - asking > Self.patience else { return nil }
            return Answer(sent: asking, received: now, failure: "no answer after \((now - asking).seconds) s")
        }
    }

    private let client: HTTPClient
    private let request: HTTPClientRequest
    private let pause: Duration
    private let kept = Mutex(Log())

    /// A prober of one Service of the shop.
    ///
    /// - Parameters:
    ///   - header: what makes its requests those of a route.
    ///   - pause: how long it waits between an answer and the next request.
    init(
        _ url: String,
        header: (name: String, value: String),
        client: HTTPClient,
        pause: Duration = .milliseconds(10)
    ) {
        self.client = client
        self.pause = pause
        var request = HTTPClientRequest(url: "\(url)/n/7")
        request.headers.add(name: header.name, value: header.value)
        request.headers.add(name: "connection", value: "close")
        self.request = request
    }

    /// A client that hides nothing: one attempt, no redirects.
    static func httpClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    var answers: [Answer] { self.kept.withLock { $0.answers } }

    /// What was answered by nobody so far, a request that hangs among it.
    var lost: [Answer] { self.kept.withLock { $0.lost(at: .now) } }

    /// What is wrong where requests were answered by nobody; nil where none was.
    var complaint: String? {
        let lost = self.lost
        return lost.first.map { "\(lost.count) matching requests were answered by nobody: \($0.failure ?? "")" }
    }

    /// Asks until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            let sent = ContinuousClock.now
            self.kept.withLock { $0.ask(at: sent) }
            var answer = Answer(sent: sent, received: sent)
            do {
                answer.by = try await self.ask()
            } catch {
                if Task.isCancelled { return self.kept.withLock { $0.end(at: .now) } }
                answer.failure = "\(error)"
            }
            answer.received = .now
            self.kept.withLock { $0.take(answer) }
            try? await Task.sleep(for: self.pause)
        }
    }

    private func ask() async throws -> String {
        let response = try await self.client.execute(self.request, timeout: .seconds(10))
        let body = Array(try await response.body.collect(upTo: 64 << 10).readableBytesView)
        guard response.status.code == 200 else {
            throw Trouble("status \(response.status.code): \(String(decoding: body.prefix(200), as: UTF8.self))")
        }
        guard let who = try JSONValue(parsing: body)["answeredBy"]?.string else {
            throw Trouble("nobody's answer: \(String(decoding: body.prefix(200), as: UTF8.self))")
        }
        return who
    }

    /// Waits until the original answers a request that is sent from now on. As one is asked at a time, what became of all before
    /// it is known then, of one that hung too.
    func settle() async throws {
        _ = try await self.answer("the original answers", since: .now, within: .seconds(15), where: \.isOfOriginal)
    }

    /// Waits for an answer to a request that was sent since a moment.
    func answer(
        _ what: String,
        since instant: ContinuousClock.Instant,
        within limit: Duration,
        where holds: (Answer) -> Bool
    ) async throws -> Answer {
        let deadline = ContinuousClock.now + limit
        while true {
            if let found = self.answers.first(where: { $0.sent >= instant && holds($0) }) { return found }
            guard ContinuousClock.now < deadline else {
                throw Trouble("not within \(limit): \(what); last: \(String(describing: self.answers.last))")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
