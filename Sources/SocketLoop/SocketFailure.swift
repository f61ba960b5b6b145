#if os(Linux)
    import Glibc

    /// What the kernel refused.
    public struct SocketFailure: Error, CustomStringConvertible {
        /// The number of the refusal, as in errno(3).
        public let errno: Int32
        private let doing: String

        init(errno: Int32, doing: String) {
            self.errno = errno
            self.doing = doing
        }

        /// What could not be done, and why.
        public var description: String { "cannot \(self.doing): \(String(cString: strerror(self.errno)))" }

        /// The result of a call, where it is none of the negated numbers.
        static func check(_ result: Int32, _ doing: String) throws -> Int32 {
            guard result >= 0 else { throw SocketFailure(errno: -result, doing: doing) }
            return result
        }
    }
#endif
