#if os(Linux)
    /// A descriptor's place at a loop. The generation tells it from an earlier one in the same place, whose events may still
    /// be under way.
    public struct SocketTicket: Hashable, Sendable {
        let index: UInt32
        let generation: UInt32

        init(index: UInt32, generation: UInt32) {
            self.index = index
            self.generation = generation
        }

        /// The ticket that `data` was made of.
        init(data: UInt64) {
            self.index = UInt32(truncatingIfNeeded: data)
            self.generation = UInt32(truncatingIfNeeded: data >> 32)
        }

        /// What epoll keeps of it.
        var data: UInt64 { UInt64(self.generation) << 32 | UInt64(self.index) }
    }

    /// Who is told of which descriptor: places that are used again.
    struct Handlers {
        private struct Place {
            var handler: (any SocketHandler)?
            var generation: UInt32 = 0
        }

        private var places: [Place] = []
        private var free: [UInt32] = []

        /// How many there are.
        var count: Int { self.places.count - self.free.count }

        subscript(ticket: SocketTicket) -> (any SocketHandler)? {
            guard ticket.index < self.places.count, self.places[Int(ticket.index)].generation == ticket.generation
            else {
                return nil
            }
            return self.places[Int(ticket.index)].handler
        }

        mutating func add(_ handler: any SocketHandler) -> SocketTicket {
            if let index = self.free.popLast() {
                self.places[Int(index)].handler = handler
                return SocketTicket(index: index, generation: self.places[Int(index)].generation)
            }
            self.places.append(Place(handler: handler))
            return SocketTicket(index: UInt32(self.places.count - 1), generation: 0)
        }

        mutating func remove(_ ticket: SocketTicket) {
            guard self[ticket] != nil else { return }
            self.places[Int(ticket.index)].handler = nil
            self.places[Int(ticket.index)].generation &+= 1
            self.free.append(ticket.index)
        }
    }
#endif
