#if os(Linux)
    import GatewayCore
    import Logging
    import ProxyEngine

    /// Brings other settings into force while the gateway runs.
    struct GatewayReload: Sendable {
        let file: String
        let engine: Engine
        let admin: GatewayAdmin
        let named: NamedFiles
        let logger: Logger

        /// Reads the file and works by it from now on; what is wrong with it is logged, and nothing changes then.
        ///
        /// - Returns: whether the settings are in force.
        func run() async -> Bool {
            do {
                let settings = try GatewayFile.read(self.file)
                self.named.note(settings)
                try self.requireSame(settings)
                try await self.engine.adopt(settings)
                self.logger.notice(
                    "settings are in force",
                    metadata: [
                        "file": "\(self.file)",
                        "listeners": "\(settings.listeners.count)",
                        "clusters": "\(settings.clusters.count)",
                    ]
                )
                self.admin.reloaded(isApplied: true)
                return true
            } catch {
                self.logger.error("settings stay as they were", metadata: ["error": "\(error)"])
                self.admin.reloaded(isApplied: false)
                return false
            }
        }

        /// What cannot change while the gateway runs.
        private func requireSame(_ settings: GatewaySettings) throws {
            let present = self.engine.settings
            let others = [
                ("access-log", settings.accessLog == present.accessLog), ("admin", settings.admin == present.admin),
            ]
            for (key, isSame) in others where !isSame {
                throw GatewayFileError(
                    file: self.file,
                    line: nil,
                    key: key,
                    message: "this is read at the start only; put it back, or start the gateway again"
                )
            }
        }
    }
#endif
