#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where log lines go: a descriptor.
public struct LogFile: Sendable {
    /// The name to open anew; nil where there is none.
    let path: String?
    let descriptor: Int32
    private let isOurs: Bool

    /// A descriptor that stays the caller's.
    public init(descriptor: Int32) {
        self.path = nil
        self.descriptor = descriptor
        self.isOurs = false
    }

    /// A file, which is made if need be, for its owner and group to read, and added to at its end; a named pipe, which somebody
    /// must be reading. `/dev/stdout` and `/dev/stderr` are what the process was started with, whatever that is.
    ///
    /// - Throws: `LogFileError`.
    public init(path: String) throws(LogFileError) {
        switch path {
        case "/dev/stdout": self = Self.inherited(STDOUT_FILENO)
        case "/dev/stderr": self = Self.inherited(STDERR_FILENO)
        default:
            // A pipe that is full must not hold the writing thread for good, and one that nobody reads not the start.
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0o640)
            guard descriptor >= 0 else { throw LogFileError(path: path, errno: errno) }
            self.path = path
            self.descriptor = descriptor
            self.isOurs = true
        }
    }

    /// A standard stream. A pipe is opened once more, where that is allowed, so that it does not block; to ask for that on the stream
    /// itself would change it for whoever shares it. Sockets cannot be opened, and files not without losing their place.
    private static func inherited(_ number: Int32) -> LogFile {
        var facts = stat()
        guard fstat(number, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO else { return LogFile(descriptor: number) }
        let descriptor = open("/dev/fd/\(number)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return descriptor < 0 ? LogFile(descriptor: number) : LogFile(opened: descriptor)
    }

    private init(opened descriptor: Int32) {
        self.path = nil
        self.descriptor = descriptor
        self.isOurs = true
    }

    func close() {
        guard self.isOurs else { return }
        #if canImport(Glibc)
            _ = Glibc.close(self.descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(self.descriptor)
        #else
            _ = Darwin.close(self.descriptor)
        #endif
    }

    /// Writes once, as write(2).
    static func write(_ descriptor: Int32, _ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        #if canImport(Glibc)
            return Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            return Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            return Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// Why a log file cannot be opened.
public struct LogFileError: Error, CustomStringConvertible {
    /// The file.
    public let path: String
    /// The number of the refusal, as in errno(3).
    public let errno: Int32

    /// What, where, and the mend.
    public var description: String {
        let mend =
            switch self.errno {
            case ENXIO: "nobody reads this pipe; start its reader first"
            case ENOENT, ENOTDIR: "make its directory"
            default: "name a file that may be written"
            }
        return "cannot open \(self.path): \(String(cString: strerror(self.errno))); \(mend)"
    }
}
