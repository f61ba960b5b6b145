import NIOCore

/// The image's one layer as a tar archive, read piece by piece from the files it is made of.
///
/// No more than one piece is in memory, whatever the size of the program. A class, because an iterator must be able to
/// own an open file; it is used by one task at a time.
final class LayerReader {
    private static let pieceSize = 256 * 1024

    private var entries: ArraySlice<ImageContents.Entry>
    private var file: PosixFile?
    private var offset = 0
    private var ended = false

    init(_ contents: ImageContents) {
        self.entries = contents.entries[...]
    }

    /// The next piece, nil after the last.
    func next() throws(ImageError) -> [UInt8]? {
        guard let entry = self.entries.first else {
            defer { self.ended = true }
            return self.ended ? nil : Tar.end
        }
        if self.file != nil { return try self.nextPiece(of: entry) }

        switch entry.source {
        case .directory:
            self.entries.removeFirst()
            return try Tar.header(path: entry.path, kind: .directory, mode: entry.mode, size: 0)
        case .bytes(let bytes):
            self.entries.removeFirst()
            return try Tar.header(path: entry.path, kind: .file, mode: entry.mode, size: bytes.count)
                + bytes + [UInt8](repeating: 0, count: Tar.padding(bytes.count))
        case .file(let path):
            self.file = try PosixFile(reading: path)
            self.offset = 0
            return try Tar.header(path: entry.path, kind: .file, mode: entry.mode, size: entry.size)
        }
    }

    private func nextPiece(of entry: ImageContents.Entry) throws(ImageError) -> [UInt8] {
        let wanted = min(Self.pieceSize, entry.size - self.offset)
        var piece = try self.file?.read(wanted, at: self.offset) ?? []
        guard piece.count == wanted else {
            throw ImageError(.file, "\(entry.path) changed while it was read; run the command again")
        }
        self.offset += wanted
        if self.offset == entry.size {
            piece.append(contentsOf: repeatElement(0, count: Tar.padding(entry.size)))
            self.file = nil
            self.entries.removeFirst()
        }
        return piece
    }
}

/// The layer as the body of a request, made anew for each attempt.
///
/// Reading blocks the calling thread for the time of one 256 KiB read of a file that is in the page cache.
struct LayerBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    var contents: ImageContents

    func makeAsyncIterator() -> Iterator { Iterator(reader: LayerReader(self.contents)) }

    struct Iterator: AsyncIteratorProtocol {
        let reader: LayerReader

        mutating func next() async throws -> ByteBuffer? {
            try self.reader.next().map { ByteBuffer(bytes: $0) }
        }
    }
}
