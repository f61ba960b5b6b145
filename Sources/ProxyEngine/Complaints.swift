#if os(Linux)
    import NIOCore

    /// How often the same trouble is worth a line in the log: at once, and then once a second with how often it was.
    struct Complaints {
        static let pause = TimeAmount.seconds(1)

        private var next: NIODeadline?
        private var untold = 0

        /// How often there was trouble since that was told; nil where it is not to be told now.
        mutating func add(at now: NIODeadline) -> Int? {
            self.untold += 1
            guard self.next.map({ $0 <= now }) ?? true else { return nil }
            defer {
                self.next = now + Self.pause
                self.untold = 0
            }
            return self.untold
        }
    }
#endif
