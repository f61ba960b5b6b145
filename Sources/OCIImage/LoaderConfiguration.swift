import FoundationEssentials

/// Reads the list of library directories that `ldconfig` works from.
enum LoaderConfiguration {
    /// The directories in order, `include` lines followed; a file that is not there has none.
    static func directories(in file: String, depth: Int = 0) -> [String] {
        guard depth < 8, let data = FileManager.default.contents(atPath: file) else { return [] }
        var directories: [String] = []
        for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let first = words.first else { continue }
            if first == "include" {
                for pattern in words.dropFirst() {
                    for included in self.files(matching: String(pattern), beside: file) {
                        directories += self.directories(in: included, depth: depth + 1)
                    }
                }
            } else if first.hasPrefix("/") {
                // "directory=type" is the old way to say which libc the directory is for.
                directories.append(String(first.prefix { $0 != "=" }))
            }
        }
        return directories
    }

    /// One `*` in the last component, the only kind of pattern in use, in the order of names.
    private static func files(matching pattern: String, beside file: String) -> [String] {
        let path = pattern.hasPrefix("/") ? pattern : "\(directoryName(file))/\(pattern)"
        let name = baseName(path)
        guard let star = name.firstIndex(of: "*") else { return [path] }
        let prefix = name[..<star]
        let suffix = name[name.index(after: star)...]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directoryName(path))) ?? []
        return
            names
            .filter { $0.count >= prefix.count + suffix.count && $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
            .sorted()
            .map { "\(directoryName(path))/\($0)" }
    }
}
