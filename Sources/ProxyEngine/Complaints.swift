#if os(Linux)
    import NIOCore

    /// How often the same trouble is worth a line in the log: at once, and then once a second with how often it was.
    struct Complaints {
        static let pause = TimeAmount.seconds(1)

        private struct Entry {
            var next: NIODeadline
            var untold = 0
        }

        private var entries: [Int: Entry] = [:]

        /// How often there was trouble with a cluster since that was told; nil where it is not to be told now.
        mutating func add(about cluster: Int, at now: NIODeadline) -> Int? {
            var entry = self.entries[cluster] ?? Entry(next: now)
            defer { self.entries[cluster] = entry }
            entry.untold += 1
            guard entry.next <= now else { return nil }
            defer { entry = Entry(next: now + Self.pause) }
            return entry.untold
        }
    }
#endif
