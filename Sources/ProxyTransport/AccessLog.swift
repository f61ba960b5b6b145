import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes finished log lines to a descriptor, from a thread of its own.
///
/// Nothing on the data path ever waits for it: what does not fit into its bounded queue is dropped and counted.
public final class AccessLog: Sendable {
    private let descriptor: Int32
    private let capacity: Int
    private let queued = Atomic<Int>(0)
    private let metrics: ProxyMetrics
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// A log to `descriptor`, which stays the caller's, with at most `capacity` bytes waiting.
    public init(descriptor: Int32, capacity: Int = 4 << 20, metrics: ProxyMetrics) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.metrics = metrics
        self.thread.start()
    }

    /// Writes what is waiting, and ends the thread.
    public func close() async {
        // The pool runs what it holds in order, so an empty piece of work marks the end of it.
        try? await self.thread.runIfActive {}
        try? await self.thread.shutdownGracefully()
    }

    /// Takes whole lines.
    func submit(_ bytes: [UInt8], lines: Int) {
        let waiting = self.queued.wrappingAdd(bytes.count, ordering: .relaxed).newValue
        guard waiting <= self.capacity else {
            self.queued.wrappingSubtract(bytes.count, ordering: .relaxed)
            self.metrics.logLinesDropped.add(lines)
            return
        }
        self.thread.submit { state in
            if state != .active || !self.write(bytes) {
                self.metrics.logLinesDropped.add(lines)
            }
            self.queued.wrappingSubtract(bytes.count, ordering: .relaxed)
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            let written = bytes.withUnsafeBytes { raw in
                #if canImport(Glibc)
                    Glibc.write(self.descriptor, raw.baseAddress?.advanced(by: position), raw.count - position)
                #elseif canImport(Musl)
                    Musl.write(self.descriptor, raw.baseAddress?.advanced(by: position), raw.count - position)
                #else
                    Darwin.write(self.descriptor, raw.baseAddress?.advanced(by: position), raw.count - position)
                #endif
            }
            if written >= 0 {
                position += written
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var wanted = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, 1_000)
            default: return false
            }
        }
        return true
    }
}
