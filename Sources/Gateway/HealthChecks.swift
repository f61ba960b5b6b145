#if os(Linux)
    import AsyncHTTPClient
    import GatewayCore
    import NIOCore
    import NIOHTTP1
    import NIOPosix
    import ProxyEngine

    /// Asks servers every so often whether they are well; apart from the requests' path, on a client and threads of its own.
    struct HealthChecks: Sendable {
        let checks: [ServerCheck]
        private let group = MultiThreadedEventLoopGroup.singleton

        init(_ checks: [ServerCheck]) { self.checks = checks }

        /// Checks until it is cancelled; each set of servers takes the place of the one before.
        static func run(_ sets: AsyncStream<[ServerCheck]>) async {
            var sets = sets.makeAsyncIterator()
            var next = await sets.next()
            while let checks = next {
                next = await withTaskGroup { tasks in
                    tasks.addTask { try? await Self(checks).run() }
                    defer { tasks.cancelAll() }
                    return await sets.next()
                }
            }
        }

        /// Checks until it is cancelled.
        func run() async throws {
            guard !self.checks.isEmpty else { return }
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.httpVersion = .http1Only
            let client = HTTPClient(eventLoopGroupProvider: .shared(self.group), configuration: configuration)
            do {
                try await withThrowingDiscardingTaskGroup { tasks in
                    for check in self.checks { tasks.addTask { try await self.follow(check, client) } }
                }
            } catch {
                try? await client.shutdown()
                throw error
            }
        }

        private func follow(_ check: ServerCheck, _ client: HTTPClient) async throws {
            while true {
                let trouble = await self.trouble(check, client)
                try Task.checkCancellation()
                check.report(trouble)
                // A tenth more or less, so that not all are asked at the same moment.
                try await Task.sleep(for: check.check.interval * Double.random(in: 0.9...1.1))
            }
        }

        /// Why a server is not well; nil when it is.
        private func trouble(_ check: ServerCheck, _ client: HTTPClient) async -> String? {
            let timeout = TimeAmount(check.check.timeout)
            do {
                guard let path = check.check.path else {
                    let channel = try await ClientBootstrap(group: self.group).connectTimeout(timeout)
                        .connect(to: check.address).get()
                    try await channel.close()
                    return nil
                }
                let host = check.address.ipAddress.map { $0.contains(":") ? "[\($0)]" : $0 } ?? check.endpoint.host
                var request = HTTPClientRequest(url: "http://\(host):\(check.endpoint.port)\(path)")
                request.headers = [
                    "host": check.check.host ?? "\(check.endpoint)", "connection": "close", "user-agent": "detour",
                ]
                let response = try await client.execute(request, timeout: timeout)
                return (200..<300).contains(response.status.code) ? nil : "status \(response.status.code)"
            } catch {
                return "\(error)"
            }
        }
    }
#endif
