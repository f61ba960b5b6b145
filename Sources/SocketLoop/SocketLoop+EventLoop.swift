#if os(Linux)
    public import Dispatch
    public import NIOCore

    /// The loop as what is written for event loops wants it: tasks, timers, futures.
    extension SocketLoop: EventLoop {
        /// See `EventLoop.execute(_:)`.
        public func execute(_ task: @escaping @Sendable () -> Void) {
            if self.inEventLoop { self.later(task) } else { self.post(task) }
        }

        /// See `EventLoop.submit(_:)`.
        public func submit<Value>(_ task: @escaping @Sendable () throws -> Value) -> EventLoopFuture<Value> {
            let promise = self.makePromise(of: Value.self)
            self.execute { promise.assumeIsolated().completeWith(Result(catching: task)) }
            return promise.futureResult
        }

        /// See `EventLoop.scheduleTask(deadline:_:)`.
        @discardableResult
        public func scheduleTask<Value>(
            deadline: NIODeadline,
            _ task: @escaping @Sendable () throws -> Value
        ) -> Scheduled<Value> {
            let promise = self.makePromise(of: Value.self)
            let entry = NIOLoopBoundBox.makeBoxSendingValue(TimerEntry.unknown, eventLoop: self)
            self.onLoop {
                guard case .unknown = entry.value else { return }
                entry.value = .added(
                    self.core.timers.add(at: deadline) {
                        promise.assumeIsolated().completeWith(Result(catching: task))
                    }
                )
            }
            return Scheduled(promise: promise) {
                self.onLoop {
                    if case .added(let number) = entry.value { self.core.timers.cancel(number) }
                    entry.value = .cancelled
                }
            }
        }

        /// See `EventLoop.scheduleTask(in:_:)`.
        @discardableResult
        public func scheduleTask<Value>(
            in delay: TimeAmount,
            _ task: @escaping @Sendable () throws -> Value
        ) -> Scheduled<Value> {
            self.scheduleTask(deadline: .now() + delay, task)
        }

        private enum TimerEntry: Sendable {
            case unknown
            case added(UInt64)
            case cancelled
        }

        /// Runs a task now on the loop's thread, and soon from others.
        private func onLoop(_ task: @escaping @Sendable () -> Void) {
            if self.inEventLoop { task() } else { self.post(task) }
        }

        /// See `EventLoop.preconditionInEventLoop(file:line:)`.
        public func preconditionInEventLoop(file: StaticString, line: UInt) {
            precondition(self.inEventLoop, file: file, line: line)
        }

        /// See `EventLoop.preconditionNotInEventLoop(file:line:)`.
        public func preconditionNotInEventLoop(file: StaticString, line: UInt) {
            precondition(!self.inEventLoop, file: file, line: line)
        }

        /// See `EventLoopGroup.next()`.
        public func next() -> any EventLoop { self }

        /// See `EventLoopGroup.makeIterator()`.
        public func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }

        /// See `EventLoopGroup.shutdownGracefully(queue:_:)`.
        public func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            self.end { queue.async { callback(nil) } }
        }
    }
#endif
