import Crypto

/// Saves an image as a file that `ctr images import`, `docker load`, podman and skopeo read.
///
/// The file is a tar archive of an OCI image layout, with Docker's `manifest.json` beside the index.
public enum ImageArchive {
    /// Writes the image and returns the digest of its manifest, by which a Pod can name it.
    ///
    /// The file appears under its name only when it is whole; the program is read once, in pieces.
    ///
    /// - Parameters:
    ///   - contents: what goes into the image.
    ///   - reference: the name the image gets where it is loaded; it must have a tag and no digest.
    ///   - file: the path of the archive; a file that is there is replaced.
    @discardableResult
    public static func write(
        contents: ImageContents,
        reference: ImageReference,
        to file: String
    ) throws(ImageError) -> ImageDigest {
        guard reference.tag != nil, reference.digest == nil else {
            throw ImageError(
                .invalidReference,
                "an image is saved under a tag, and \(reference) has a digest, which is known only when it is made"
            )
        }
        let unfinished = "\(file).\(processNumber()).part"
        do {
            let digest = try self.writeAll(contents, reference, to: unfinished)
            try moveFile(unfinished, to: file)
            return digest
        } catch {
            removeFile(unfinished)
            throw error
        }
    }

    private static func writeAll(
        _ contents: ImageContents,
        _ reference: ImageReference,
        to path: String
    ) throws(ImageError) -> ImageDigest {
        let output = try PosixFile(creating: path, mode: 0o644)
        var end = 0
        func append(_ bytes: [UInt8]) throws(ImageError) {
            try output.write(bytes, at: end)
            end += bytes.count
        }
        func append(_ path: String, _ bytes: [UInt8]) throws(ImageError) {
            try append(try Tar.header(path: path, kind: .file, mode: 0o644, size: bytes.count))
            try append(bytes + [UInt8](repeating: 0, count: Tar.padding(bytes.count)))
        }

        try append("oci-layout", ImageDocuments.layout())
        // The layer's name is its digest: the header is written when the digest is known, after the bytes.
        let headerOffset = end
        end += Tar.blockSize
        var hash = SHA256()
        let reader = LayerReader(contents)
        while let piece = try reader.next() {
            hash.update(data: piece)
            try append(piece)
        }
        let size = end - headerOffset - Tar.blockSize
        let documents = ImageDocuments(contents: contents, layer: ImageDigest(hash.finalize()), size: size)
        try output.write(
            try Tar.header(path: documents.layer.path, kind: .file, mode: 0o644, size: size),
            at: headerOffset
        )
        end += Tar.padding(size)

        try append(documents.configuration.path, documents.configurationBytes)
        try append(documents.manifest.path, documents.manifestBytes)
        try append("index.json", documents.index(reference))
        try append("manifest.json", documents.dockerManifest(reference))
        try append(Tar.end)
        try output.synchronize()
        return documents.manifest.digest
    }
}

extension ImageContents {
    /// The digest of the manifest these contents make: what ``ImageArchive`` and ``ImagePush`` return.
    public func digest() throws(ImageError) -> ImageDigest {
        try self.documents().manifest.digest
    }

    func documents() throws(ImageError) -> ImageDocuments {
        var hash = SHA256()
        var size = 0
        let reader = LayerReader(self)
        while let piece = try reader.next() {
            hash.update(data: piece)
            size += piece.count
        }
        return ImageDocuments(contents: self, layer: ImageDigest(hash.finalize()), size: size)
    }
}
