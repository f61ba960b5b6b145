#if os(Linux)
    import NIOCore

    /// What should have happened by a time, for very many descriptors and few different times: a queue for each time-out, in
    /// which the first is always the next, and no object a descriptor.
    struct Expectations {
        /// How often they are looked at; so much later than asked for a time-out may be told.
        static let step = TimeAmount.milliseconds(50)

        private struct Queue {
            let timeout: TimeAmount
            var entries = CircularBuffer<(deadline: NIODeadline, ticket: SocketTicket)>()
        }

        private var queues: [Queue] = []

        /// When to look next.
        private(set) var next: NIODeadline?

        mutating func add(_ ticket: SocketTicket, within timeout: TimeAmount, now: NIODeadline) {
            let index = self.queues.firstIndex { $0.timeout == timeout } ?? self.queues.count
            if index == self.queues.count { self.queues.append(Queue(timeout: timeout)) }
            self.queues[index].entries.append((now + timeout, ticket))
            self.next = min(self.next ?? .distantFuture, now + timeout + Self.step)
        }

        /// Those whose time has passed.
        mutating func takeLate(_ now: NIODeadline) -> [SocketTicket] {
            guard let next = self.next, next <= now else { return [] }
            var late: [SocketTicket] = []
            for index in self.queues.indices {
                while let first = self.queues[index].entries.first, first.deadline <= now {
                    late.append(first.ticket)
                    self.queues[index].entries.removeFirst()
                }
            }
            let first = self.queues.compactMap { $0.entries.first?.deadline }.min()
            self.next = first.map { $0 + Self.step }
            return late
        }
    }
#endif
