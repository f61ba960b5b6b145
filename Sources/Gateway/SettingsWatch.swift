#if os(Linux)
    import Foundation
    import GatewayCore
    import Synchronization

    /// Tells when the settings are to be read again: when somebody asks, or when the file, or one that it names, holds something
    /// else than before.
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
        /// The files that the settings name which were read last, and what those held then.
        private var named: @Sendable () -> [String: Data] = { [:] }
        private var used: [String: Data]
        private var seen: [String: Data]

        /// A watch of a file whose present bytes are in use.
        init(_ file: String) {
            self.file = file
            self.used = [file: Self.bytes(file) ?? Data()]
            self.seen = self.used
        }

        /// The same watch, of the files too that settings name.
        func naming(_ files: @escaping @Sendable () -> [String: Data]) -> SettingsWatch {
            var watch = self
            watch.named = files
            return watch
        }

        private static func bytes(_ file: String) -> Data? { try? Data(contentsOf: URL(filePath: file)) }

        /// Whether the settings are to be read now.
        mutating func isDue(_ event: Event) -> Bool {
            let named = self.named()
            let used = named.merging(self.used.filter { $0.key == self.file || named[$0.key] != nil }) { $1 }
            var present = used
            // One that is missing for a moment is being replaced.
            for file in used.keys { present[file] = Self.bytes(file) ?? used[file] }
            defer { self.seen = present }
            switch event {
            case .asked: break
            case .look: guard present != used, present == self.seen else { return false }
            }
            self.used = present
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

    /// The files that settings name, and what they held when those were read.
    final class NamedFiles: Sendable {
        private let files: Mutex<[String: Data]>

        /// Those of the settings that a gateway begins with.
        init(_ settings: GatewaySettings) { self.files = Mutex(Self.files(settings)) }

        /// Those of the settings that were read last.
        var present: [String: Data] { self.files.withLock { $0 } }

        /// Other settings have been read.
        func note(_ settings: GatewaySettings) { self.files.withLock { $0 = Self.files(settings) } }

        private static func files(_ settings: GatewaySettings) -> [String: Data] {
            let files = settings.listeners.compactMap(\.tls).flatMap(\.files)
            return Dictionary(files.map { ($0.path, Data($0.bytes)) }) { $1 }
        }
    }
#endif
