#if os(Linux)
    import CEpoll
    import Glibc

    /// A pipe inside the kernel, through which bytes go from one socket to another without being copied: splice(2).
    ///
    /// Its descriptors are closed with the last reference to it, whatever it still holds.
    public final class Pipe {
        /// How many bytes it is to hold. More is not faster, and without root a user's pipes hold 64 MiB in all, see pipe(7).
        static let size = 256 << 10

        /// What a splice did.
        public enum Splicing: Equatable {
            /// It moved so many bytes, at least one.
            case moved(Int)
            /// Nothing: the socket has no bytes, or no room, for now.
            case nothing
            /// Nothing, because there is an end, or an error by errno(3). 0 is the end.
            case stopped(Int32)
        }

        private let readEnd: Int32
        private let writeEnd: Int32
        /// How many bytes it holds.
        public private(set) var count = 0

        /// An empty pipe; nil when the kernel gives none.
        public init?() {
            var ends: (Int32, Int32) = (-1, -1)
            let result = withUnsafeMutableBytes(of: &ends) {
                detour_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress, Int32(Self.size))
            }
            guard result == 0 else { return nil }
            (self.readEnd, self.writeEnd) = ends
        }

        deinit {
            Glibc.close(self.readEnd)
            Glibc.close(self.writeEnd)
        }

        /// Takes bytes from a socket. Only while it is empty: of one that is full the kernel says what it says of a socket
        /// without bytes.
        public func fill(from socket: Socket) -> Splicing {
            assert(self.count == 0, "only while it is empty")
            let moved = detour_splice(socket.descriptor, self.writeEnd, Self.size)
            guard moved > 0 else { return moved == -Int(EAGAIN) ? .nothing : .stopped(Int32(clamping: -moved)) }
            self.count = moved
            return .moved(moved)
        }

        /// Gives what it holds to a socket, as much as it takes.
        public func empty(into socket: Socket) -> Splicing {
            let before = self.count
            while self.count > 0 {
                let moved = detour_splice(self.readEnd, socket.descriptor, self.count)
                guard moved > 0 else {
                    guard moved == -Int(EAGAIN) else { return .stopped(Int32(clamping: -moved)) }
                    break
                }
                self.count -= moved
            }
            return self.count < before ? .moved(before - self.count) : .nothing
        }
    }

    /// Pipes that nobody uses. A loop's connections need few of them: one that is empty is given back at once.
    public struct PipePool {
        /// How many are kept.
        static let most = 16
        private var pipes: [Pipe] = []

        /// A pool that makes its pipes when they are asked for.
        public init() {}

        /// An empty pipe; nil when the kernel gives none.
        public mutating func take() -> Pipe? { self.pipes.popLast() ?? Pipe() }

        /// Takes a pipe back; one that still holds bytes is closed.
        public mutating func put(_ pipe: Pipe) {
            if pipe.count == 0, self.pipes.count < Self.most { self.pipes.append(pipe) }
        }
    }
#endif
