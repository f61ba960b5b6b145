#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An open file, read and written at offsets, closed when it goes out of scope.
///
/// `pread` and `pwrite` leave no position to keep track of, and no file is ever held in memory whole.
struct PosixFile: ~Copyable {
    let path: String
    private let descriptor: Int32

    /// Opens a file for reading.
    init(reading path: String) throws(ImageError) {
        try self.init(path, flags: O_RDONLY | O_CLOEXEC, mode: 0, verb: "read")
    }

    /// Makes a new file; one that is there already is an error.
    init(creating path: String, mode: mode_t) throws(ImageError) {
        try self.init(path, flags: O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode, verb: "create")
    }

    private init(_ path: String, flags: Int32, mode: mode_t, verb: String) throws(ImageError) {
        let descriptor = open(path, flags, mode)
        guard descriptor >= 0 else { throw ImageError(.file, "cannot \(verb) \(path): \(lastSystemError())") }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { _ = close(self.descriptor) }

    /// The size of a regular file; an error for anything else.
    func size() throws(ImageError) -> Int {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else {
            throw ImageError(.file, "cannot read \(self.path): \(lastSystemError())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImageError(.file, "cannot read \(self.path): it is not a regular file")
        }
        return Int(status.st_size)
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    func read(_ count: Int, at offset: Int) throws(ImageError) -> [UInt8] {
        var failure: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let target = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let got = pread(self.descriptor, target.baseAddress, target.count, off_t(offset + filled))
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    return
                } else if errno != EINTR {
                    failure = lastSystemError()
                    return
                }
            }
        }
        if let failure { throw ImageError(.file, "cannot read \(self.path): \(failure)") }
        return bytes
    }

    /// Writes all bytes at `offset`.
    func write(_ bytes: [UInt8], at offset: Int) throws(ImageError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                return pwrite(self.descriptor, rest.baseAddress, rest.count, off_t(offset + written))
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw ImageError(.file, "cannot write \(self.path): \(lastSystemError())")
            }
        }
    }

    /// Waits until the bytes are on the disk.
    func synchronize() throws(ImageError) {
        guard fsync(self.descriptor) == 0 else {
            throw ImageError(.file, "cannot write \(self.path): \(lastSystemError())")
        }
    }
}

/// Puts a finished file in the place of another, in one step.
func moveFile(_ source: String, to target: String) throws(ImageError) {
    guard rename(source, target) == 0 else {
        throw ImageError(.file, "cannot write \(target): \(lastSystemError())")
    }
}

/// Removes a file that is half written; that it is gone already is no error.
func removeFile(_ path: String) {
    _ = unlink(path)
}

/// The path with every symbolic link followed, or nil when it leads nowhere.
func resolvedPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}

/// The process's number, for names of files that another run must not share.
func processNumber() -> Int32 { getpid() }

private func lastSystemError() -> String { String(cString: strerror(errno)) }
