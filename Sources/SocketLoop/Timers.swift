#if os(Linux)
    import NIOCore

    /// What is to be run at a time: a heap, whose cancelled entries go when their time comes.
    struct Timers {
        private struct Entry {
            let deadline: NIODeadline
            let number: UInt64

            func isBefore(_ other: Entry) -> Bool {
                (self.deadline, self.number) < (other.deadline, other.number)
            }
        }

        private var heap: [Entry] = []
        private var tasks: [UInt64: () -> Void] = [:]
        private var last: UInt64 = 0

        /// When the next one is due.
        var next: NIODeadline? { self.heap.first?.deadline }

        /// Adds a task, and names it.
        mutating func add(at deadline: NIODeadline, _ task: @escaping () -> Void) -> UInt64 {
            self.last += 1
            self.tasks[self.last] = task
            self.heap.append(Entry(deadline: deadline, number: self.last))
            self.rise(self.heap.count - 1)
            return self.last
        }

        /// Forgets a task.
        mutating func cancel(_ number: UInt64) {
            self.tasks[number] = nil
            // Most timers are cancelled long before their time: their entries must not pile up.
            if self.heap.count > 64, self.heap.count > 4 * self.tasks.count {
                let tasks = self.tasks
                self.heap.removeAll { tasks[$0.number] == nil }
                for index in stride(from: self.heap.count / 2 - 1, through: 0, by: -1) { self.sink(index) }
            }
        }

        /// The next task that is due at `now`.
        mutating func takeDue(_ now: NIODeadline) -> (() -> Void)? {
            while let first = self.heap.first, first.deadline <= now {
                self.removeFirst()
                if let task = self.tasks.removeValue(forKey: first.number) { return task }
            }
            return nil
        }

        private mutating func removeFirst() {
            self.heap.swapAt(0, self.heap.count - 1)
            self.heap.removeLast()
            self.sink(0)
        }

        private mutating func rise(_ start: Int) {
            var index = start
            while index > 0, self.heap[index].isBefore(self.heap[(index - 1) / 2]) {
                self.heap.swapAt(index, (index - 1) / 2)
                index = (index - 1) / 2
            }
        }

        private mutating func sink(_ start: Int) {
            var index = start
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2]
                where child < self.heap.count && self.heap[child].isBefore(self.heap[least]) { least = child }
                guard least != index else { return }
                self.heap.swapAt(index, least)
                index = least
            }
        }
    }
#endif
