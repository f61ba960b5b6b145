import Foundation

/// A FIFO that a script writes to and a test reads: one knows where the other is.
struct Mark: ~Copyable {
    let path = "\(NSTemporaryDirectory())/detour-mark-\(UUID().uuidString)"

    init() { mkfifo(self.path, 0o600) }
    deinit { unlink(self.path) }

    /// Waits until somebody has written.
    func reached() async -> String {
        let path = self.path
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let descriptor = open(path, O_RDONLY)
                var bytes = [UInt8](repeating: 0, count: 100)
                let count = read(descriptor, &bytes, bytes.count)
                close(descriptor)
                continuation.resume(returning: String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self))
            }
        }
    }
}
