/// What goes into an image, and where each file comes from: one program, the libraries it needs, and four small files.
///
/// There is no base image, no shell and no package manager in it, so nothing in it needs an update but Detour.
public struct ImageContents: Sendable {
    /// One file or directory of the image.
    public struct Entry: Hashable, Sendable {
        /// The absolute path inside the image.
        public var path: String
        /// The permissions.
        public var mode: UInt16
        /// The size in bytes, 0 for a directory.
        public var size: Int
        /// Where the bytes come from.
        public var source: Source
    }

    /// Where the bytes of an entry come from.
    public enum Source: Hashable, Sendable {
        /// The entry is a directory.
        case directory
        /// Bytes made here.
        case bytes([UInt8])
        /// A file of this machine.
        case file(String)
    }

    /// The user and group of the image's process.
    public static let user = 65532

    /// Everything in the image, sorted by path.
    public let entries: [Entry]
    /// What the image runs on, taken from the program.
    public let platform: ImagePlatform
    /// The path of the program inside the image: the entry point.
    public let entryPoint: String

    /// Collects a program and what it needs.
    ///
    /// - Parameters:
    ///   - program: the program's file; `/proc/self/exe` is the running one.
    ///   - entryPoint: where the program is put.
    ///   - certificates: the certificate authorities to trust; left out when there is no such file.
    /// - Throws: ``ImageError`` when the program is not for Linux, or when a library it needs is not to be found.
    public init(
        program: String,
        entryPoint: String = "/usr/local/bin/detour",
        certificates: String = "/etc/ssl/certs/ca-certificates.crt"
    ) throws(ImageError) {
        try self.init(
            program: program,
            entryPoint: entryPoint,
            certificates: certificates,
            systemDirectories: SharedLibraries.systemDirectories()
        )
    }

    init(
        program: String,
        entryPoint: String,
        certificates: String,
        systemDirectories: [String]
    ) throws(ImageError) {
        let shared = try SharedLibraries(of: program, systemDirectories: systemDirectories)
        guard let platform = ImagePlatform(machine: shared.machine) else {
            throw ImageError(.notAnELFProgram, "\(program) is for a machine that is not supported (\(shared.machine))")
        }
        var files: [String: Entry] = [:]
        func add(_ path: String, mode: UInt16, _ source: Source, size: Int) {
            files[path] = Entry(path: path, mode: mode, size: size, source: source)
        }
        func add(_ path: String, mode: UInt16, file: String) throws(ImageError) {
            add(path, mode: mode, .file(file), size: try PosixFile(reading: file).size())
        }
        func add(_ path: String, text: String) {
            add(path, mode: 0o644, .bytes(Array(text.utf8)), size: text.utf8.count)
        }

        try add(entryPoint, mode: 0o755, file: program)
        if let interpreter = shared.interpreter { try add(interpreter, mode: 0o755, file: interpreter) }
        for library in shared.libraries {
            let path = library.name.hasPrefix("/") ? library.name : "\(shared.directory)/\(library.name)"
            try add(path, mode: 0o644, file: resolvedPath(library.file) ?? library.file)
        }
        add("/etc/passwd", text: "root:x:0:0:root:/:/\ndetour:x:\(Self.user):\(Self.user):detour:/:/\n")
        add("/etc/group", text: "root:x:0:\ndetour:x:\(Self.user):\n")
        if resolvedPath(certificates) != nil {
            try add("/etc/ssl/certs/ca-certificates.crt", mode: 0o644, file: certificates)
        }
        for path in files.keys {
            var directory = directoryName(path)
            while directory != "/" {
                add(directory, mode: 0o755, .directory, size: 0)
                directory = directoryName(directory)
            }
        }
        add("/tmp", mode: 0o1777, .directory, size: 0)

        self.entries = files.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        self.platform = platform
        self.entryPoint = entryPoint
    }
}
