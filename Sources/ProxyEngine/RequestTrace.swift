#if os(Linux)
    import NIOCore

    /// What the shell knows of a request, for its line in the access log and for the counters.
    struct RequestTrace {
        /// When the first byte of a head came that has not ended yet.
        var headSince: NIODeadline?
        /// When the request came.
        var begun = NIODeadline.uptimeNanoseconds(0)
        /// When the head of the response came, or was made; zero until then.
        var answered = NIODeadline.uptimeNanoseconds(0)
        /// Whether it is counted among those under way.
        var isActive = false
        /// Its method, path, host and id, as the line has them.
        var heading: [UInt8] = []
        /// The server that was tried last, as the line has it.
        var server: [UInt8] = []

        /// Its head has come, or will not.
        mutating func begin(at now: NIODeadline) {
            self.begun = self.headSince ?? now
            self.headSince = nil
            self.answered = .uptimeNanoseconds(0)
        }

        /// How long it took until `end`.
        func microseconds(until end: NIODeadline) -> Int {
            Int(truncatingIfNeeded: (end - self.begun).nanoseconds / 1_000)
        }

        /// Forgets it. Long heads are rare, and their memory is not for keeping.
        mutating func clear() {
            self.isActive = false
            self.server = []
            if self.heading.capacity > 4 << 10 { self.heading = [] }
        }
    }
#endif
