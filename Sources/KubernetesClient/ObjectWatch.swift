public import KubernetesModel
import KubernetesWatch
import NIOCore

/// The updates of a collection, without end.
///
/// Whoever iterates does the work: no task runs beside it and nothing is stored up, so a slow reader slows the server down.
/// The first list's failure is thrown; later trouble is got over, or thrown when the server keeps refusing.
/// Cancelling the task ends the watch.
public struct ObjectWatch: AsyncSequence, Sendable {
    /// What changed.
    public typealias Element = WatchUpdate
    /// ``KubernetesError`` or `CancellationError`.
    public typealias Failure = any Error

    let resource: ResourceClient
    let labels: String?
    let fields: String?
    let onTrouble: @Sendable (KubernetesError) -> Void

    /// Starts a watch of its own.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(watch: self)
    }

    /// One run of a watch.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private static let timeoutSeconds = 290

        private let watch: ObjectWatch
        private var machine = WatchMachine()
        private var action: WatchMachine.Action
        private var lines = LineFramer()
        private var stream: KubernetesBody.AsyncIterator?
        private var openedAt = ContinuousClock.now
        /// Renewals of the way to the server that this watch has followed.
        private var renewals: Int

        init(watch: ObjectWatch) {
            self.watch = watch
            self.renewals = watch.renewals.count
            self.action = self.machine.start()
        }

        /// The next change; comes when there is one.
        public mutating func next() async throws -> WatchUpdate? {
            try await self.next(isolation: #isolation)
        }

        /// The next change; comes when there is one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> WatchUpdate? {
            while true {
                try Task.checkCancellation()
                if self.renewals != self.watch.renewals.count {
                    self.renewals = self.watch.renewals.count
                    self.stream = nil
                    self.action = self.machine.renewed()
                }
                do {
                    if let update = try await self.step() { return update }
                } catch let error as KubernetesError {
                    if case .fail = self.action { throw error }
                    self.stream = nil
                    self.watch.onTrouble(error)
                    self.action = self.machine.failed(error, jitter: self.watch.policy.jitter())
                }
            }
        }

        /// Does what the machine wants done.
        private mutating func step() async throws -> WatchUpdate? {
            switch self.action {
            case .list(let token):
                let page = try await self.watch.renewals.untilRenewed(since: self.renewals) { [watch] in
                    try await watch.resource.page(labels: watch.labels, fields: watch.fields, continueToken: token)
                }
                guard let page else { return nil }
                let result = self.machine.listed(page)
                self.action = result.action
                return result.update
            case .watch(let resourceVersion):
                self.openedAt = .now
                self.lines = LineFramer()
                self.stream = try await self.watch.open(resourceVersion, timeoutSeconds: Self.timeoutSeconds)
                self.action = .read
                return nil
            case .read:
                return try await self.read()
            case .wait(let duration):
                let slept: Void? = try await self.watch.renewals.untilRenewed(since: self.renewals) { [watch] in
                    try await watch.policy.sleep(duration)
                }
                if slept != nil { self.action = self.machine.resumed() }
                return nil
            case .fail(let error):
                throw error
            }
        }

        private mutating func read() async throws -> WatchUpdate? {
            do {
                if let line = try self.lines.next() { return self.take(line) }
                if let buffer = try await self.stream?.next() {
                    self.lines.append(buffer.readableBytesView)
                    return nil
                }
            } catch let error as LineFramer.LineTooLong {
                throw KubernetesError(.protocolViolation, "an event is longer than \(error.limit) bytes")
            } catch {
                if Task.isCancelled { throw CancellationError() }
                let server = self.watch.resource.sender.transport.peer.server
                throw ConnectionTrouble.error(error, server: server, request: nil)
            }
            // What follows the last newline is an event only if it is whole.
            self.stream = nil
            if let rest = self.lines.finish(), let json = try? JSONValue(parsing: rest), WatchEvent(json) != nil {
                return self.take(rest)
            }
            self.action = self.machine.ended(
                lived: self.openedAt.duration(to: .now),
                jitter: self.watch.policy.jitter()
            )
            return nil
        }

        private mutating func take(_ line: [UInt8]) -> WatchUpdate? {
            guard let json = try? JSONValue(parsing: line), let event = WatchEvent(json) else {
                self.stream = nil
                let error = KubernetesError(.protocolViolation, "the API server sent a line that is no watch event")
                self.watch.onTrouble(error)
                self.action = self.machine.failed(error, jitter: self.watch.policy.jitter())
                return nil
            }
            let result = self.machine.received(event, jitter: self.watch.policy.jitter())
            self.action = result.action
            if result.action != .read {
                self.stream = nil
                if case .failure(let status) = event {
                    let code = KubernetesError.Code(httpStatus: status.code, reason: status.reason)
                    self.watch.onTrouble(KubernetesError(code, status.message, status: status))
                }
            }
            return result.update
        }
    }
}

extension ObjectWatch {
    fileprivate var policy: RetryPolicy { self.resource.sender.policy }
    fileprivate var renewals: Renewals { self.resource.sender.renewals }

    fileprivate func open(
        _ resourceVersion: String,
        timeoutSeconds: Int
    ) async throws -> KubernetesBody.AsyncIterator {
        let request = KubernetesRequest.watch(
            self.resource.type,
            in: self.resource.namespace,
            labels: self.labels,
            fields: self.fields,
            resourceVersion: resourceVersion,
            timeoutSeconds: timeoutSeconds
        )
        let sender = self.resource.sender
        let response = try await sender.transport.send(request)
        guard response.status == 200 else {
            let body = try? await response.body.collect(upTo: 1 << 20)
            throw sender.transport.refusal(response, body ?? [], request)
        }
        return response.body.makeAsyncIterator()
    }
}
