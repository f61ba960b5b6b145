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
    private let file: Mutex<LogFile>
    private let capacity: Int
    private let queued = Atomic<Int>(0)
    private let isAbandoned = Atomic<Bool>(false)
    /// How many lines were dropped.
    public let dropped: Counter
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// A log to a file, with at most `capacity` bytes waiting; `dropped` counts the lines that do not get there.
    public init(_ file: LogFile, capacity: Int = 4 << 20, dropped: Counter = Counter()) {
        self.file = Mutex(file)
        self.capacity = capacity
        self.dropped = dropped
        self.thread.start()
        // A reader that is gone is a failed write, and no reason to end: the signal is for the thread that writes.
        self.thread.submit { _ in
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
        }
    }

    deinit {
        self.file.withLock { $0.close() }
    }

    /// Opens the file anew, behind what is waiting: after its name was given to another one.
    ///
    /// - Throws: `LogFileError`; lines go on into the file that was open.
    public func reopen() async throws {
        try await self.thread.runIfActive {
            guard let path = self.file.withLock({ $0.path }) else { return }
            let fresh = try LogFile(path: path)
            self.file.withLock { file in
                file.close()
                file = fresh
            }
        }
    }

    /// Writes what is waiting, for `patience` at most, and ends the thread.
    public func close(within patience: Duration = .seconds(2)) async {
        let isDone = Mutex(false)
        // What it holds is run in order, so an empty piece of work marks the end of it.
        self.thread.submit { _ in isDone.withLock { $0 = true } }
        let end = ContinuousClock.now + patience
        while !isDone.withLock({ $0 }), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        self.isAbandoned.store(true, ordering: .relaxed)
        // A write that the kernel holds on to ends with the process.
        self.thread.shutdownGracefully { _ in }
    }

    /// Takes whole lines.
    public func submit(_ bytes: [UInt8], lines: Int) {
        let waiting = self.queued.wrappingAdd(bytes.count, ordering: .relaxed).newValue
        guard waiting <= self.capacity else {
            self.queued.wrappingSubtract(bytes.count, ordering: .relaxed)
            self.dropped.add(lines)
            return
        }
        self.thread.submit { state in
            if state != .active || !self.write(bytes) {
                self.dropped.add(lines)
            }
            self.queued.wrappingSubtract(bytes.count, ordering: .relaxed)
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        // Only this thread opens another file.
        let descriptor = self.file.withLock { $0.descriptor }
        var position = 0
        while position < bytes.count {
            let written = bytes.withUnsafeBytes { LogFile.write(descriptor, $0[position...]) }
            if written >= 0 {
                position += written
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                guard !self.isAbandoned.load(ordering: .relaxed) else { return false }
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, 100)
            default: return false
            }
        }
        return true
    }
}
