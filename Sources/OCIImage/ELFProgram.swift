/// What an ELF file says about how it is loaded: its machine, its interpreter and the libraries it needs.
///
/// Only 64-bit little-endian files are read: every machine Kubernetes runs on but s390x. All offsets come from the file
/// and are checked before use, so a damaged file gives an error and never a trap.
struct ELFProgram: Equatable, Sendable {
    /// The path of the dynamic loader (`PT_INTERP`), nil in libraries and static programs.
    var interpreter: String?
    /// The machine's number, as in `e_machine`.
    var machine: UInt16
    /// The libraries asked for by name (`DT_NEEDED`), in order.
    var needed: [String] = []
    /// Where to look before the system's directories (`DT_RUNPATH`, else `DT_RPATH`), `$ORIGIN` not yet replaced.
    var searchPath: [String] = []

    /// Reads the headers through `bytes(count, offset)`, which may return fewer bytes at the end of the file.
    init(path: String, bytes: (Int, Int) throws(ImageError) -> [UInt8]) throws(ImageError) {
        func damaged(_ what: String) -> ImageError {
            ImageError(.notAnELFProgram, "\(path) is a damaged ELF file: \(what)")
        }
        func exactly(_ count: Int, _ offset: UInt64, _ what: String) throws(ImageError) -> [UInt8] {
            guard offset <= UInt64(Int.max / 2) else { throw damaged("\(what) lies outside the file") }
            let read = try bytes(count, Int(offset))
            guard read.count == count else { throw damaged("\(what) lies outside the file") }
            return read
        }

        let header = try bytes(64, 0)
        guard header.count == 64, header.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
            throw ImageError(
                .notAnELFProgram,
                "\(path) is not a Linux program, so it cannot run in a container; name a Linux build of it"
            )
        }
        guard header[4] == 2, header[5] == 1 else {
            throw ImageError(.notAnELFProgram, "\(path) is not a 64-bit little-endian program, the only kind supported")
        }
        self.machine = UInt16(truncatingIfNeeded: integer(header, 18, 2))
        let entrySize = Int(integer(header, 54, 2))
        let entryCount = Int(integer(header, 56, 2))
        guard entryCount == 0 || entrySize >= 56, entryCount <= 1024 else { throw damaged("its program headers") }
        let table = try exactly(entrySize * entryCount, integer(header, 32, 8), "the program header table")

        var segments: [Segment] = []
        for index in 0..<entryCount {
            segments.append(Segment(table[(index * entrySize)...].prefix(56)))
        }
        if let segment = segments.first(where: { $0.type == Segment.interpreter }) {
            guard (2...4096).contains(segment.size) else { throw damaged("the loader's path") }
            let name = try exactly(Int(segment.size), segment.offset, "the loader's path")
            guard let text = text(name) else { throw damaged("the loader's path has no end") }
            self.interpreter = text
        }
        guard let dynamic = segments.first(where: { $0.type == Segment.dynamic }) else { return }
        guard dynamic.size <= 1 << 20 else { throw damaged("the dynamic section is larger than 1 MiB") }
        let tags = Self.dynamicTags(try exactly(Int(dynamic.size), dynamic.offset, "the dynamic section"))

        guard let stringTable = tags.first(where: { $0.tag == DynamicTag.stringTable })?.value else { return }
        guard let strings = segments.fileOffset(ofAddress: stringTable) else { throw damaged("the string table") }
        func string(_ offset: UInt64) throws(ImageError) -> String {
            let (start, overflow) = strings.addingReportingOverflow(offset)
            guard !overflow, start <= UInt64(Int.max / 2) else { throw damaged("a name lies outside the file") }
            guard let text = text(try bytes(4096, Int(start))) else { throw damaged("a name has no end") }
            return text
        }
        for tag in tags where tag.tag == DynamicTag.needed { self.needed.append(try string(tag.value)) }
        // The loader ignores DT_RPATH where there is a DT_RUNPATH.
        let paths = [DynamicTag.runPath, .rPath].compactMap { kind in tags.first { $0.tag == kind } }
        if let path = paths.first {
            self.searchPath = try string(path.value).split(separator: ":").map(String.init)
        }
    }

    private static func dynamicTags(_ section: [UInt8]) -> [(tag: DynamicTag, value: UInt64)] {
        var tags: [(tag: DynamicTag, value: UInt64)] = []
        for start in stride(from: 0, through: section.count - 16, by: 16) {
            let tag = DynamicTag(rawValue: integer(section, start, 8))
            guard tag != .end else { break }
            tags.append((tag, integer(section, start + 8, 8)))
        }
        return tags
    }
}

private struct DynamicTag: RawRepresentable, Equatable {
    var rawValue: UInt64

    static let end = DynamicTag(rawValue: 0)
    static let needed = DynamicTag(rawValue: 1)
    static let stringTable = DynamicTag(rawValue: 5)
    static let rPath = DynamicTag(rawValue: 15)
    static let runPath = DynamicTag(rawValue: 29)
}

private struct Segment {
    static let load: UInt64 = 1
    static let dynamic: UInt64 = 2
    static let interpreter: UInt64 = 3

    var type: UInt64
    var offset: UInt64
    var address: UInt64
    var size: UInt64

    init(_ entry: ArraySlice<UInt8>) {
        let bytes = Array(entry)
        self.type = integer(bytes, 0, 4)
        self.offset = integer(bytes, 8, 8)
        self.address = integer(bytes, 16, 8)
        self.size = integer(bytes, 32, 8)
    }
}

extension [Segment] {
    /// Where in the file a loaded address comes from.
    fileprivate func fileOffset(ofAddress address: UInt64) -> UInt64? {
        for segment in self where segment.type == Segment.load && address >= segment.address {
            let distance = address - segment.address
            if distance < segment.size { return segment.offset &+ distance }
        }
        return nil
    }
}

private func integer(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (offset..<offset + width).reversed() { value = value << 8 | UInt64(bytes[index]) }
    return value
}

/// The text up to the first NUL; nil when there is none.
private func text(_ bytes: [UInt8]) -> String? {
    guard let end = bytes.firstIndex(of: 0) else { return nil }
    return String(decoding: bytes[..<end], as: UTF8.self)
}
