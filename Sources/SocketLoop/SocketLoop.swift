#if os(Linux)
    import CEpoll
    import Foundation
    import Glibc
    public import NIOCore
    import Synchronization

    /// A thread that waits for sockets with epoll(7) and runs what they have to do; an event loop for everything else.
    ///
    /// Descriptors are registered once, edge-triggered: whoever is told reads until a read comes back short, and needs no system
    /// call to say what it waits for next. That is what makes a connection cost half of what it costs with a selector that is
    /// level-triggered.
    public final class SocketLoop: Sendable {
        /// How many bytes are read at once.
        public static let readSize = 64 << 10
        /// How many events are taken at once.
        private static let batch = 256

        private struct Mailbox {
            var tasks: [@Sendable () -> Void] = []
            var isAwake = false
            var isClosed = false
        }

        struct Core {
            var handlers = Handlers()
            var timers = Timers()
            var expectations = Expectations()
            /// What is run when whoever is running has returned.
            var later: [() -> Void] = []
            /// What is run when everybody else has had a turn.
            var nextTurn: [() -> Void] = []
            var scratch = ByteBufferAllocator().buffer(capacity: SocketLoop.readSize)
            var isEnding = false
        }

        let set: Int32
        private let wake: Int32
        private let mailbox = Mutex(Mailbox())
        private let thread = Atomic<UInt>(0)
        // Proof that `unsafe` is safe here: `core` is touched on the loop's thread only, which is `run()`. Whatever else touches it
        // is under "On the loop's thread" below, or in `onLoop` and `end`, which go through the mailbox from other threads; it is
        // called by handlers, tasks and timers, and those are run by `run()` alone. `register` checks that it is so, the others do in
        // debug builds.
        nonisolated(unsafe) var core = Core()

        /// A loop on a thread of its own.
        ///
        /// - Throws: `SocketFailure` when the kernel gives no more descriptors.
        public init(name: String) throws {
            self.set = try SocketFailure.check(detour_epoll_create(), "wait for sockets")
            self.wake = try SocketFailure.check(detour_eventfd(), "make an eventfd")
            _ = try SocketFailure.check(
                detour_epoll_add(self.set, self.wake, Readiness.read.rawValue, UInt64.max),
                "wait for an eventfd"
            )
            let thread = Thread { self.run() }
            thread.name = name
            thread.start()
        }

        private func run() {
            self.thread.store(UInt(pthread_self()), ordering: .releasing)
            self.blockPipeSignal()
            var events = [epoll_event](repeating: epoll_event(), count: Self.batch)
            while !self.core.isEnding {
                var isWoken = false
                let count = detour_epoll_wait(self.set, &events, Int32(Self.batch), self.patience)
                for index in 0..<Int(max(count, 0)) {
                    let data = events[index].data.u64
                    guard data != UInt64.max else {
                        self.readWake()
                        isWoken = true
                        continue
                    }
                    self.core.handlers[SocketTicket(data: data)]?.ready(Readiness(rawValue: events[index].events))
                    if !self.core.later.isEmpty { self.runLater() }
                }
                self.runTimers()
                // Who has put something in has also written to `wake`: no lock without that.
                if isWoken { self.runMailbox() }
                self.runNextTurn()
            }
            // What was posted before nothing more is taken.
            self.runMailbox()
            self.thread.store(0, ordering: .releasing)
        }

        /// A splice into a connection that is broken raises SIGPIPE, which sends can be told not to; it would end the process.
        private func blockPipeSignal() {
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
        }

        deinit {
            Glibc.close(self.wake)
            Glibc.close(self.set)
        }

        /// How long to wait, in milliseconds.
        private var patience: Int32 {
            guard self.core.nextTurn.isEmpty else { return 0 }
            let next = min(self.core.timers.next ?? .distantFuture, self.core.expectations.next ?? .distantFuture)
            guard next < .distantFuture else { return -1 }
            let nanoseconds = (next - .now()).nanoseconds
            return nanoseconds <= 0 ? 0 : Int32(clamping: (nanoseconds + 999_999) / 1_000_000)
        }

        private func runLater() {
            while !self.core.later.isEmpty {
                let tasks = self.core.later
                self.core.later = []
                for task in tasks { task() }
            }
        }

        private func runNextTurn() {
            guard !self.core.nextTurn.isEmpty else { return }
            let tasks = self.core.nextTurn
            self.core.nextTurn = []
            for task in tasks { task() }
            self.runLater()
        }

        private func runTimers() {
            guard self.core.timers.next != nil || self.core.expectations.next != nil else { return self.runLater() }
            let now = NIODeadline.now()
            while let task = self.core.timers.takeDue(now) { task() }
            for ticket in self.core.expectations.takeLate(now) { self.core.handlers[ticket]?.isLate() }
            self.runLater()
        }

        private func runMailbox() {
            let tasks = self.mailbox.withLock { mailbox in
                mailbox.isAwake = false
                defer { mailbox.tasks.removeAll(keepingCapacity: true) }
                return mailbox.tasks
            }
            for task in tasks { task() }
            self.runLater()
        }

        private func readWake() {
            var count: UInt64 = 0
            _ = Glibc.read(self.wake, &count, MemoryLayout<UInt64>.size)
        }
    }

    /// From any thread.
    extension SocketLoop {
        /// Whether the caller is on the loop's thread.
        public var inEventLoop: Bool { self.thread.load(ordering: .acquiring) == UInt(pthread_self()) }

        /// Runs a task on the loop's thread; not at all once the loop has ended.
        func post(_ task: @escaping @Sendable () -> Void) {
            let wakes = self.mailbox.withLock { mailbox in
                guard !mailbox.isClosed else { return false }
                mailbox.tasks.append(task)
                defer { mailbox.isAwake = true }
                return !mailbox.isAwake
            }
            guard wakes else { return }
            var one: UInt64 = 1
            _ = write(self.wake, &one, MemoryLayout<UInt64>.size)
        }

        /// Ends the loop behind the tasks it already has: nothing may be asked of it any more. Its descriptors stay with their owners.
        public func end(then done: @escaping @Sendable () -> Void) {
            self.post {
                self.core.isEnding = true
                self.mailbox.withLock { $0.isClosed = true }
                done()
            }
        }
    }

    /// On the loop's thread.
    extension SocketLoop {
        /// Waits for a socket's bytes, its room and its end, until `forget(_:_:)`.
        public func register(_ socket: Socket, _ handler: any SocketHandler) throws -> SocketTicket {
            try self.register(socket, handler, [.read, .write, .readEnd, .urgent, .edgeTriggered])
        }

        func register(_ socket: Socket, _ handler: any SocketHandler, _ events: Readiness) throws -> SocketTicket {
            self.preconditionInEventLoop()
            let ticket = self.core.handlers.add(handler)
            let result = detour_epoll_add(self.set, socket.descriptor, events.rawValue, ticket.data)
            if result < 0 {
                self.core.handlers.remove(ticket)
                throw SocketFailure(errno: -result, doing: "wait for a socket")
            }
            return ticket
        }

        /// Tells nobody of the socket any more. One that is closed next needs no system call for it.
        public func forget(_ ticket: SocketTicket, stillOpen socket: Socket? = nil) {
            assert(self.inEventLoop, "only on the loop's thread")
            self.core.handlers.remove(ticket)
            if let socket { _ = detour_epoll_remove(self.set, socket.descriptor) }
        }

        /// Calls the handler's `isLate()` once the time has passed, or a little later, whatever has happened by then.
        public func expect(_ ticket: SocketTicket, within timeout: TimeAmount) {
            assert(self.inEventLoop, "only on the loop's thread")
            self.core.expectations.add(ticket, within: timeout, now: .now())
        }

        /// Runs a task when whoever is running now has returned.
        public func later(_ task: @escaping () -> Void) {
            assert(self.inEventLoop, "only on the loop's thread")
            self.core.later.append(task)
        }

        /// Runs a task when everybody else who has something to do has had a turn.
        public func nextTurn(_ task: @escaping () -> Void) {
            assert(self.inEventLoop, "only on the loop's thread")
            self.core.nextTurn.append(task)
        }

        /// Reads what a socket has, at most `readSize` bytes, into memory that is used again once nobody holds the bytes.
        @inline(__always)
        public func read(_ socket: Socket) -> Socket.Reading {
            assert(self.inEventLoop, "only on the loop's thread")
            self.core.scratch.clear(minimumCapacity: Self.readSize)
            let count = self.core.scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.readSize) {
                socket.read(into: $0)
            }
            guard count > 0 else { return socket.emptyReading }
            return .bytes(self.core.scratch, isAll: count < Self.readSize)
        }
    }
#endif
