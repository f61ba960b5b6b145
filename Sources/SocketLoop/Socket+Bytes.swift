#if os(Linux)
    import Glibc
    public import NIOCore

    /// Bytes in and out, and addresses: the only unsafe code of this target.
    extension Socket {
        /// Reads once; 0 when nothing was read, and `errno` says why.
        @inline(__always)
        func read(into memory: UnsafeMutableRawBufferPointer) -> Int {
            while true {
                errno = 0
                let count = recv(self.descriptor, memory.baseAddress, memory.count, 0)
                if count >= 0 { return count }
                if errno != EINTR { return 0 }
            }
        }

        /// Whether a read would find nothing, neither bytes nor an end.
        public var isQuiet: Bool {
            var byte: UInt8 = 0
            return recv(self.descriptor, &byte, 1, Int32(MSG_PEEK)) < 0 && errno == EAGAIN
        }

        /// What a read that gave no bytes means.
        var emptyReading: Reading {
            switch errno {
            case 0: .end
            case EAGAIN: .nothing
            case let number: .failed(number)
            }
        }

        /// How many buffers are sent at once.
        public static let mostPieces = 16

        /// Sends what the kernel takes of `buffers`, in order; nil when the connection is broken.
        public func write(_ buffers: some Collection<ByteBuffer>) -> Int? {
            if buffers.count == 1, let only = buffers.first {
                return only.withUnsafeReadableBytes { raw in
                    self.retry { send(self.descriptor, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL)) }
                }
            }
            // The buffers keep their memory where it is as long as the caller holds them.
            var pieces = buffers.prefix(Self.mostPieces).map { buffer in
                buffer.withUnsafeReadableBytes {
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
                }
            }
            return pieces.withUnsafeMutableBufferPointer { list in
                var message = msghdr()
                message.msg_iov = list.baseAddress
                message.msg_iovlen = list.count
                return self.retry { sendmsg(self.descriptor, &message, Int32(MSG_NOSIGNAL)) }
            }
        }

        /// Sends what the kernel takes of `bytes`; nil when the connection is broken.
        public func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
            self.retry { send(self.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        }

        private func retry(_ call: () -> Int) -> Int? {
            while true {
                let count = call()
                if count >= 0 { return count }
                switch errno {
                case EINTR: continue
                case EAGAIN: return 0
                default: return nil
                }
            }
        }

        /// The other end's address; nil when the connection is gone.
        public var remoteAddress: SocketAddress? { self.address(getpeername) }

        /// The address of this end.
        public var localAddress: SocketAddress? { self.address(getsockname) }

        private func address(
            _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
        ) -> SocketAddress? {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            return withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> SocketAddress? in
                    guard call(self.descriptor, address, &length) == 0 else { return nil }
                    switch Int32(address.pointee.sa_family) {
                    case AF_INET:
                        return UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                            SocketAddress($0.pointee)
                        }
                    case AF_INET6:
                        return UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                            SocketAddress($0.pointee)
                        }
                    default: return nil
                    }
                }
            }
        }
    }
#endif
