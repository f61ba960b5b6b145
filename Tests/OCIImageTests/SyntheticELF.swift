/// A small ELF file made by hand: enough of one for the loader's headers to be read.
struct SyntheticELF {
    var machine: UInt16 = 62
    var interpreter: String?
    var needed: [String] = []
    var runPath: String?
    var rPath: String?

    /// Header, program headers, loader's path, dynamic section, strings; loaded at 0x10000 so that addresses need mapping.
    var bytes: [UInt8] {
        let base: UInt64 = 0x10000
        var strings: [UInt8] = [0]
        func add(_ text: String) -> UInt64 {
            defer { strings += Array(text.utf8) + [0] }
            return UInt64(strings.count)
        }
        var tags: [(UInt64, UInt64)] = self.needed.map { (1, add($0)) }
        if let rPath { tags.append((15, add(rPath))) }
        if let runPath { tags.append((29, add(runPath))) }
        let isDynamic = !tags.isEmpty
        let loader: [UInt8] = self.interpreter.map { Array($0.utf8) + [0] } ?? []
        let headers = 1 + (loader.isEmpty ? 0 : 1) + (isDynamic ? 1 : 0)
        let loaderOffset = 64 + 56 * headers
        let dynamicOffset = loaderOffset + loader.count
        let dynamicSize = isDynamic ? 16 * (tags.count + 2) : 0
        let stringOffset = dynamicOffset + dynamicSize
        tags.append((5, base + UInt64(stringOffset)))
        tags.append((0, 0))
        let size = UInt64(stringOffset + strings.count)

        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        file += little(3, 2) + little(UInt64(self.machine), 2) + little(1, 4) + little(0, 8) + little(64, 8)
        file += little(0, 8) + little(0, 4) + little(64, 2) + little(56, 2) + little(UInt64(headers), 2)
        file += [UInt8](repeating: 0, count: 6)
        func header(_ type: UInt64, _ offset: Int, _ length: UInt64) -> [UInt8] {
            little(type, 4) + little(4, 4) + little(UInt64(offset), 8) + little(base + UInt64(offset), 8)
                + little(0, 8) + little(length, 8) + little(length, 8) + little(8, 8)
        }
        file += header(1, 0, size)
        if !loader.isEmpty { file += header(3, loaderOffset, UInt64(loader.count)) }
        if isDynamic { file += header(2, dynamicOffset, UInt64(dynamicSize)) }
        file += loader
        if isDynamic { file += tags.flatMap { little($0.0, 8) + little($0.1, 8) } }
        return file + strings
    }

    private func little(_ value: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
}
