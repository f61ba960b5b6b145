#if canImport(Glibc)
    import Glibc
#endif

/// Settings of the C allocator for a process that moves large buffers.
public enum MemoryTuning {
    /// Keeps freed buffers for the next read instead of returning them to the kernel page by page.
    ///
    /// Without it, glibc trims its heap while buffers of 64 KiB to 256 KiB come and go, and a good part of the tunnel's
    /// CPU a byte is page faults. Call once, first thing in `main`. Does nothing on other C libraries.
    public static func keepFreedBuffers() {
        #if canImport(Glibc)
            // Looked up by name: <malloc.h> is not part of the Glibc module.
            guard let symbol = dlsym(nil, "mallopt") else { return }
            let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
            let (trimThreshold, mmapThreshold) = (CInt(-1), CInt(-3))
            _ = mallopt(mmapThreshold, 32 * 1024 * 1024)
            _ = mallopt(trimThreshold, 256 * 1024 * 1024)
        #endif
    }
}
