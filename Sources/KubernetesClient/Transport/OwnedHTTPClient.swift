import AsyncHTTPClient
import Dispatch

/// An HTTP client that is shut down with its owner.
///
/// AsyncHTTPClient traps in debug builds when one is dropped open, which would turn an error on the way out of a command into
/// a crash.
final class OwnedHTTPClient: Sendable {
    let client: HTTPClient

    init(_ client: HTTPClient) {
        self.client = client
    }

    deinit {
        // A second shutdown is an error that means nothing here.
        self.client.shutdown(queue: .global()) { _ in }
    }

    /// Closes the connections; calling it again does nothing.
    func shutdown() async throws {
        do {
            try await self.client.shutdown()
        } catch let error as HTTPClientError where error == .alreadyShutdown {
            return
        }
    }
}
