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
    }

    private let client: HTTPClient
    private let request: HTTPClientRequest
    private let pause: Duration
    private let kept = Mutex<[Answer]>([])

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

    var answers: [Answer] { self.kept.withLock { $0 } }

    /// Asks until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            let sent = ContinuousClock.now
            var answer = Answer(sent: sent, received: sent)
            do {
                answer.by = try await self.ask()
            } catch {
                if Task.isCancelled { return }
                answer.failure = "\(error)"
            }
            answer.received = .now
            self.kept.withLock { $0.append(answer) }
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
