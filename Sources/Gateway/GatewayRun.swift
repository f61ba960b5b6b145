#if os(Linux)
    public import Logging
    import ProxyEngine
    import SocketLoop

    /// One run of `detour serve proxy`.
    public struct GatewayRun: Sendable {
        /// The settings file.
        public let file: String
        /// How long requests that are under way may take once the run is to end.
        public let drain: Duration
        /// For what concerns no single request.
        public let logger: Logger

        /// A run that does nothing until `run(until:)`.
        public init(file: String, drain: Duration, logger: Logger) {
            self.file = file
            self.drain = drain
            self.logger = logger
        }

        /// Listens until `end` returns, and then lets what is under way end.
        ///
        /// - Throws: `GatewayFileError` and `EngineError`, before anything is listened at.
        public func run(until end: () async -> Void) async throws {
            let settings = try GatewayFile.read(self.file)
            guard let loops = SocketLoopGroup.shared else { throw NoDescriptors() }
            let engine = Engine(settings: settings, loops: loops, logger: self.logger)
            try await engine.start()
            let checks = HealthChecks(engine.checks)
            await withTaskGroup { group in
                group.addTask { try? await checks.run() }
                await end()
                group.cancelAll()
            }
            let connections = await engine.connections()
            self.logger.info("draining", metadata: ["connections": "\(connections)"])
            await engine.drain(within: self.drain)
        }
    }

    /// The kernel has no descriptor left for an event loop.
    struct NoDescriptors: Error, CustomStringConvertible {
        var description: String { "cannot wait for sockets: no descriptor is left; raise the limit (ulimit -n)" }
    }
#endif
