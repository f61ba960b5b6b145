#if os(Linux)
    import GatewayCore
    import Logging
    import NIOCore
    import Synchronization

    /// What all loops know of one server. Reading is one load; only failures, checks and the first answer after them are locked.
    final class ServerGauge: Sendable {
        private static let down = UInt64.max

        private let health: Mutex<ServerHealth>
        /// When it may be used from, in nanoseconds since start-up; 0 for always.
        private let usableFrom = Atomic<UInt64>(0)
        /// Whether a request has failed since the last answer.
        private let hasFailed = Atomic<Bool>(false)
        private let failureStatuses: StatusSet
        private let logger: Logger

        init(_ endpoint: GatewaySettings.Endpoint, of cluster: GatewaySettings.Cluster, logger: Logger) {
            self.health = Mutex(ServerHealth(check: cluster.health ?? .init(), ejection: cluster.ejection))
            self.failureStatuses = cluster.ejection.statuses
            var logger = logger
            logger[metadataKey: "cluster"] = "\(cluster.name)"
            logger[metadataKey: "server"] = "\(endpoint)"
            self.logger = logger
        }

        /// Whether it is to be used.
        var isUp: Bool {
            let from = self.usableFrom.load(ordering: .relaxed)
            return from == 0 || (from != Self.down && from <= NIODeadline.now().uptimeNanoseconds)
        }

        /// A check has ended; `reason` says why it was bad.
        func checked(isGood: Bool, reason: String) {
            self.change(reason) { health, _ in health.checked(isGood: isGood) }
        }

        /// A request has ended.
        @inline(__always)
        func judge(_ verdict: ServerVerdict) {
            switch verdict {
            case .none: return
            case .answered(let status):
                if !self.failureStatuses.isEmpty, self.failureStatuses.contains(status) {
                    return self.failed("status \(status)")
                }
                if self.hasFailed.load(ordering: .relaxed) { self.answered() }
            case .failed: self.failed("no answer")
            }
        }

        /// A connection has opened, which is all that is asked for.
        func connected() {
            if self.hasFailed.load(ordering: .relaxed) { self.answered() }
        }

        /// A request could not be sent, or got no answer that is one.
        func failed(_ reason: String) {
            self.hasFailed.store(true, ordering: .relaxed)
            self.change(reason) { health, now in health.failed(now: now) }
        }

        private func answered() {
            self.hasFailed.store(false, ordering: .relaxed)
            self.change("it has answered") { health, _ in health.answered() }
        }

        private func change(_ reason: String, _ body: (inout ServerHealth, Duration) -> ServerHealth.Change?) {
            let now = Duration.nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds))
            let change = self.health.withLock { health in
                let change = body(&health, now)
                let from = health.usableFrom.map { UInt64(clamping: Int64($0 / .nanoseconds(1))) } ?? Self.down
                self.usableFrom.store(from, ordering: .relaxed)
                return change
            }
            switch change {
            case nil: return
            case .up: self.logger.notice("server is used again", metadata: ["reason": "\(reason)"])
            case .down: self.logger.warning("server is not used", metadata: ["reason": "check: \(reason)"])
            case .ejected(let pause):
                self.logger.warning("server is not used", metadata: ["reason": "\(reason)", "for": "\(pause)"])
            }
        }
    }
#endif
