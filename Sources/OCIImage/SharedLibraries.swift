/// A program's loader and every shared library it needs, directly or through another, with the files they were found in.
///
/// Reading the program's own headers was chosen over reading `/proc/self/maps`: it works for any program, it knows the
/// loader under the name the kernel asks for, and it does not catch what a library happens to have loaded meanwhile.
struct SharedLibraries: Equatable, Sendable {
    /// A library: the name it is asked for by, and the file it is.
    struct Library: Hashable, Sendable {
        var name: String
        var file: String
    }

    /// The loader's path, nil for a static program.
    var interpreter: String?
    /// The libraries, sorted by name, the loader not among them.
    var libraries: [Library]
    /// The machine's number, as in `e_machine`.
    var machine: UInt16

    /// Follows the needs of `program`; `systemDirectories` are searched after the paths the files name themselves.
    init(of program: String, systemDirectories: [String]) throws(ImageError) {
        let head = try Self.read(program)
        let loader = head.interpreter.map(baseName)
        var found: [String: String] = [:]
        var waiting: [(file: String, program: ELFProgram)] = [(resolvedPath(program) ?? program, head)]
        while let (file, elf) = waiting.popLast() {
            for name in elf.needed where found[name] == nil && name != loader {
                let directories =
                    elf.searchPath.compactMap { Self.expand($0, origin: directoryName(file)) } + systemDirectories
                guard let library = Self.find(name, in: directories, machine: head.machine) else {
                    throw ImageError(
                        .libraryNotFound,
                        "\(name), needed by \(file), is in none of \(directories.joined(separator: ":"))"
                    )
                }
                found[name] = library.file
                waiting.append(library)
            }
        }
        self.interpreter = head.interpreter
        self.machine = head.machine
        self.libraries = found.map { Library(name: $0.key, file: $0.value) }.sorted { $0.name < $1.name }
    }

    /// The directory for all libraries of an image: the C library's own.
    ///
    /// The loader searches that one without a cache and without an environment variable, so it is right also for
    /// libraries that were found through the program's search path, which means nothing inside the image.
    var directory: String {
        let anchor =
            self.libraries.first { $0.name.hasPrefix("libc.so") }?.file ?? self.interpreter ?? "/usr/lib/libc.so"
        return directoryName(anchor)
    }

    /// The directories a loader searches by itself: those of `ld.so.conf`, then the built-in ones.
    static func systemDirectories(configuration: String = "/etc/ld.so.conf") -> [String] {
        var directories: [String] = []
        for directory in LoaderConfiguration.directories(in: configuration) + [
            "/lib64", "/usr/lib64", "/lib", "/usr/lib",
        ] where !directories.contains(directory) {
            directories.append(directory)
        }
        return directories
    }

    private static func read(_ path: String) throws(ImageError) -> ELFProgram {
        let file = try PosixFile(reading: path)
        return try ELFProgram(path: path) { (count, offset) throws(ImageError) in try file.read(count, at: offset) }
    }

    /// The first file of that name that is for the same machine: a loader, too, walks past files for another one.
    private static func find(
        _ name: String,
        in directories: [String],
        machine: UInt16
    ) -> (file: String, program: ELFProgram)? {
        let candidates = name.contains("/") ? [name] : directories.map { "\($0)/\(name)" }
        for candidate in candidates {
            guard let program = try? self.read(candidate), program.machine == machine else { continue }
            return (candidate, program)
        }
        return nil
    }

    private static func expand(_ directory: String, origin: String) -> String? {
        for variable in ["$ORIGIN", "${ORIGIN}"] where directory.hasPrefix(variable) {
            return origin + directory.dropFirst(variable.count)
        }
        return directory.hasPrefix("/") ? directory : nil
    }
}

func baseName(_ path: String) -> String {
    String(path.suffix(from: path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex))
}

func directoryName(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
    return String(path[..<slash])
}
