import HTTPTypes
import Hummingbird
public import Logging
import NIOCore

/// Pages for operators, probes and Prometheus, away from the data path's ports.
public struct AdminPort: Sendable {
    /// Until it is tried again after it has failed, as for lack of descriptors.
    private static let pause = Duration.seconds(1)

    private let host: String
    private let port: Int
    private let pages: [AdminPage]
    private let logger: Logger

    /// Pages at an address; port 0 for any that is free.
    public init(host: String, port: Int, pages: [AdminPage], logger: Logger) {
        self.host = host
        self.port = port
        self.pages = pages
        self.logger = logger
    }

    /// Serves from when it returns until the process ends, and says at which port.
    ///
    /// - Throws: `AdminPortError` when nothing can be listened at.
    public func start() async throws -> Int {
        let (states, state) = AsyncStream.makeStream(of: Result<Int, any Error>.self)
        // owner: the process, with which it ends; see `run()`.
        Task {
            do {
                try await self.application { state.yield(.success($0)) }.run()
            } catch {
                // The first of the states decides: later ones are of a server that was up.
                state.yield(.failure(error))
                self.logger.error("admin server ended", metadata: ["error": "\(error)"])
            }
            state.finish()
        }
        for await first in states {
            do { return try first.get() } catch {
                throw AdminPortError(address: self.address, cause: error)
            }
        }
        throw AdminPortError(address: self.address, cause: CancellationError())
    }

    /// Serves until the process ends; begins anew when it fails.
    ///
    /// Not to be cancelled: a connection that NIO has accepted, and that nobody takes any more because of that, is a trap
    /// that ends the process (swift-nio issue 2637).
    public func run() async {
        while true {
            do {
                try await self.application { _ in }.run()
            } catch {
                self.logger.error("admin server ended", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    private var address: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    private func application(isUp: @escaping @Sendable (Int) -> Void) -> some ApplicationProtocol {
        let router = Router()
        for page in self.pages {
            router.get(RouterPath(page.path)) { _, _ -> Response in
                let answer = await page.answer()
                return Response(
                    status: answer.isReady ? .ok : .serviceUnavailable,
                    headers: [.contentType: answer.type],
                    body: .init(byteBuffer: ByteBuffer(string: answer.text))
                )
            }
        }
        return Application(
            router: router,
            configuration: .init(address: .hostname(self.host, port: self.port), serverName: nil),
            onServerRunning: { isUp($0.localAddress?.port ?? 0) },
            logger: Logger(label: "detour.admin", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }
}

/// One of the pages.
public struct AdminPage: Sendable {
    /// What is shown.
    public struct Answer: Hashable, Sendable {
        /// Whether it is a 200; a 503 else.
        public var isReady: Bool
        /// The `Content-Type`.
        public var type: String
        /// The body.
        public var text: String

        /// Plain text.
        public static func text(_ text: String, isReady: Bool = true) -> Answer {
            Answer(isReady: isReady, type: "text/plain; charset=utf-8", text: text)
        }

        /// The text format that Prometheus reads.
        public static func metrics(_ text: String) -> Answer {
            Answer(isReady: true, type: "text/plain; version=0.0.4; charset=utf-8", text: text)
        }

        /// JSON.
        public static func json(_ text: String) -> Answer {
            Answer(isReady: true, type: "application/json", text: text)
        }
    }

    let path: String
    let answer: @Sendable () async -> Answer

    /// What `GET path` answers.
    public init(_ path: String, _ answer: @escaping @Sendable () async -> Answer) {
        self.path = path
        self.answer = answer
    }
}

/// Why there are no pages.
public struct AdminPortError: Error, CustomStringConvertible {
    let address: String
    /// What the system said.
    public let cause: any Error

    /// What, where, the mend, and the cause behind it.
    public var description: String {
        "cannot listen at \(self.address), which admin asks for; choose a free port (\(self.cause))"
    }
}
