#if os(Linux)
    import GatewayCore
    import NIOCore

    /// Which sides of a tunnel send so much that it is not read, and which cannot be treated so.
    struct Bulk: OptionSet {
        let rawValue: UInt8
        static let client = Bulk(rawValue: 1)
        static let upstream = Bulk(rawValue: 2)
        static let clientIsRead = Bulk(rawValue: 4)
        static let upstreamIsRead = Bulk(rawValue: 8)
    }

    /// Bytes that pass unread, behind a `CONNECT` or a 101.
    extension ClientConnection {
        /// Tells the client that its server is there.
        func establish() {
            self.trace.answered = self.state.now
            var text = ForwardMachine.established
            text.withUTF8 { self.send(UnsafeRawBufferPointer($0)) }
        }

        /// A side has sent as much as is read at once.
        func beginBulk(_ which: ForwardSide) {
            guard self.machine.isTunnel, !self.bulk.contains(which == .client ? .clientIsRead : .upstreamIsRead) else {
                return
            }
            self.bulk.insert(which == .client ? .client : .upstream)
        }

        /// Moves what a side has inside the kernel, where it sends much; false where it is to be read.
        @inline(__always)
        func splice(_ which: ForwardSide) -> Bool {
            guard !self.bulk.isEmpty, self.bulk.contains(which == .client ? .client : .upstream) else { return false }
            return self.spliceNow(which)
        }

        private func spliceNow(_ which: ForwardSide) -> Bool {
            guard let upstream = self.upstream else { return false }
            let (from, other): (StreamSocket, StreamSocket) = which == .client ? (self, upstream) : (upstream, self)
            guard from.held.readableBytes == 0 else { return false }
            switch from.splice(to: other) {
            case .moved(let count):
                self.machine.passed(count, from: which)
                if count < PipeMachine.fewBytes { self.bulk.remove(which == .client ? .client : .upstream) }
                return true
            case .nothing: return true
            case .mustRead: break
            case .impossible: self.bulk.insert(which == .client ? .clientIsRead : .upstreamIsRead)
            }
            self.bulk.remove(which == .client ? .client : .upstream)
            return false
        }
    }
#endif
