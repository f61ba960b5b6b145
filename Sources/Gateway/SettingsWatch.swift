#if os(Linux)
    import Foundation
    import GatewayCore

    /// Tells when the settings are to be read again: when somebody asks, or when the file holds something else than before.
    ///
    /// The bytes are compared, not times: a mounted ConfigMap changes a link, an editor may write twice in a moment, and a
    /// file that is being written is left alone until it has been the same twice.
    struct SettingsWatch: Sendable {
        /// How often the file is read.
        static let interval = Duration.seconds(1)

        enum Event: Sendable {
            /// The file may have changed.
            case look
            /// Somebody wants it read, changed or not.
            case asked
        }

        let file: String
        private var used: Data?
        private var seen: Data?

        /// A watch of a file whose present bytes are in use.
        init(_ file: String) {
            self.file = file
            self.used = try? Data(contentsOf: URL(filePath: file))
            self.seen = self.used
        }

        /// Whether the settings are to be read now.
        mutating func isDue(_ event: Event) -> Bool {
            // One that is missing for a moment is being replaced.
            let bytes = (try? Data(contentsOf: URL(filePath: self.file))) ?? self.used
            defer { self.seen = bytes }
            switch event {
            case .asked: break
            case .look: guard bytes != self.used, bytes == self.seen else { return false }
            }
            self.used = bytes
            return true
        }

        /// Reports what happens to `body`, one after the other, until it is cancelled.
        ///
        /// - Parameter requests: calls what it is given each time somebody asks, until it is cancelled.
        func follow(
            requests: @escaping @Sendable (_ ask: @Sendable () async -> Void) async -> Void,
            _ body: @escaping @Sendable () async -> Void
        ) async {
            let (events, sink) = AsyncStream.makeStream(of: Event.self)
            await withTaskGroup { tasks in
                tasks.addTask { await requests { sink.yield(.asked) } }
                tasks.addTask {
                    while (try? await Task.sleep(for: Self.interval)) != nil { sink.yield(.look) }
                    sink.finish()
                }
                var watch = self
                for await event in events where watch.isDue(event) { await body() }
                tasks.cancelAll()
            }
        }
    }
#endif
