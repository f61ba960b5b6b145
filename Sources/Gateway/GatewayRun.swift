#if os(Linux)
    import AdminPort
    import GatewayCore
    public import Logging
    import ProxyEngine
    import SocketLoop
    import Telemetry

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
        /// - Parameters:
        ///   - end: returns when the run is to end.
        ///   - reopenings: calls what it is given each time the access log is to be opened anew, until it is cancelled.
        ///   - reloads: calls what it is given each time the file is to be read again though it may not have changed, until it
        ///     is cancelled.
        /// - Throws: `GatewayFileError`, `AdminPortError` and `EngineError`, before anything is listened at for clients.
        public func run(
            until end: () async -> Void,
            reopenings: @escaping @Sendable (_ reopen: @Sendable () async -> Void) async -> Void = { _ in },
            reloads: @escaping @Sendable (_ reload: @Sendable () async -> Void) async -> Void = { _ in }
        ) async throws {
            // Its file is looked at before it is read: what changes in between is noticed.
            let before = SettingsWatch(self.file)
            let settings = try GatewayFile.read(self.file)
            let named = NamedFiles(settings)
            let watch = before.naming { named.present }
            guard let loops = SocketLoopGroup.shared else { throw NoDescriptors() }
            let log = try self.accessLog(settings)
            let engine = Engine(settings: settings, loops: loops, logger: self.logger, accessLog: log)
            let admin = GatewayAdmin(engine)
            do {
                try await self.start(admin, settings)
                try await engine.start()
            } catch {
                await log?.close()
                throw error
            }
            admin.enter(.serving)
            let reload = GatewayReload(
                file: self.file,
                engine: engine,
                admin: admin,
                named: named,
                logger: self.logger
            )
            await withTaskGroup { tasks in
                tasks.addTask {
                    await reopenings {
                        do { try await log?.reopen() } catch {
                            self.logger.error("the access log stays where it was", metadata: ["error": "\(error)"])
                        }
                    }
                }
                let (checks, sink) = AsyncStream.makeStream(of: [ServerCheck].self)
                sink.yield(engine.checks)
                tasks.addTask { await HealthChecks.run(checks) }
                await withTaskGroup { changes in
                    changes.addTask {
                        await watch.follow(requests: reloads) {
                            if await reload.run() { sink.yield(engine.checks) }
                        }
                    }
                    await end()
                    admin.enter(.draining)
                    // What is being changed is changed whole before anything ends.
                    changes.cancelAll()
                }
                let connections = await engine.connections()
                self.logger.info("draining", metadata: ["connections": "\(connections)"])
                await engine.drain(within: self.drain)
                tasks.cancelAll()
            }
            await log?.close()
        }

        private func accessLog(_ settings: GatewaySettings) throws -> AccessLog? {
            guard let rules = settings.accessLog else { return nil }
            do {
                return AccessLog(try LogFile(path: rules.path))
            } catch {
                throw GatewayFileError(file: self.file, line: nil, key: "access-log.path", message: "\(error)")
            }
        }

        private func start(_ admin: GatewayAdmin, _ settings: GatewaySettings) async throws {
            guard var address = settings.admin else { return }
            address.port = try await AdminPort(
                host: address.host,
                port: address.port,
                pages: admin.pages,
                logger: self.logger
            ).start()
            self.logger.info("listening", metadata: ["admin": "\(address)"])
        }
    }

    /// The kernel has no descriptor left for an event loop.
    struct NoDescriptors: Error, CustomStringConvertible {
        var description: String { "cannot wait for sockets: no descriptor is left; raise the limit (ulimit -n)" }
    }
#endif
