#if os(Linux)
    import GatewayCore
    import HTTPWire
    import NIOCore

    /// A request's beginning and end, as operators see them.
    extension ClientConnection {
        /// A whole head has come: chooses its cluster.
        func begin(_ view: ByteView) {
            self.trace.begin(at: self.state.now)
            self.trace.isActive = true
            self.listener.counts.traffic.active.add()
            if let words = self.state.log?.words, let head = self.machine.head {
                words.write(head, view, into: &self.trace.heading)
            }
            switch self.route(view) {
            case .cluster(let cluster):
                self.cluster = cluster
                cluster.counts.traffic.active.add()
                self.machine.routed(isTaken: true)
            case .none: self.machine.routed(isTaken: false)
            case .refused(let reason): self.machine.refused(reason)
            }
        }

        /// A request has ended, with a response or without.
        ///
        /// - Parameter view: the client's bytes, which begin with the head of a request that never was routed.
        func log(_ view: ByteView) {
            let unrouted = self.machine.unroutedHead
            guard let note = self.machine.takeNote() else { return }
            let now = self.state.now
            if !self.trace.isActive {
                // The refusal has been made already.
                self.trace.begin(at: now)
                self.trace.answered = now
                if let words = self.state.log?.words {
                    if let unrouted {
                        words.write(unrouted, view, into: &self.trace.heading)
                    } else {
                        words.writeNone(into: &self.trace.heading)
                    }
                }
            }
            self.count(note, self.trace.microseconds(until: now))
            self.state.log?.append(
                note,
                self.trace,
                client: self.address,
                listener: self.listener.label,
                cluster: note.isRouted ? self.cluster?.label : nil,
                now: now
            )
            self.trace.clear()
            // Settings that are gone are not held by who only waits.
            self.cluster = nil
            self.lastServer = nil
            if self.outward != nil { self.outward = nil }
            // Long heads are rare, and their memory is not for keeping.
            if self.kept.storageCapacity > 4 << 10 { self.kept = ByteBuffer() }
        }

        private func count(_ note: ForwardNote, _ microseconds: Int) {
            let listener = self.listener.counts
            if self.trace.isActive { listener.traffic.active.add(-1) }
            listener.traffic.end(note, microseconds: microseconds)
            if note.reason != nil { listener.refusals.add() }
            guard note.isRouted, let cluster = self.cluster?.counts else { return }
            cluster.traffic.active.add(-1)
            cluster.traffic.end(note, microseconds: microseconds)
            if note.retries > 0 { cluster.retries.add(note.retries) }
        }
    }

    extension LogWords {
        /// An address and a port.
        func address(_ address: SocketAddress) -> [UInt8] {
            guard let host = address.ipAddress, let port = address.port else { return self.none }
            return self.name("\(GatewaySettings.Endpoint(host: host, port: port))")
        }
    }
#endif
