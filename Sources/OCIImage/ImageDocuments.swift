import KubernetesModel

/// The JSON documents around a layer: the configuration, the manifest, and the two indexes of an archive.
///
/// They are in canonical JSON and no time of day is in them, so that they depend on the image's contents and name alone.
struct ImageDocuments {
    /// A document or a layer as another document refers to it.
    struct Blob {
        var mediaType: String
        var digest: ImageDigest
        var size: Int

        var descriptor: JSONValue {
            [
                "mediaType": .string(self.mediaType), "digest": .string(self.digest.description),
                "size": .integer(Int64(self.size)),
            ]
        }

        /// Its path in an image layout.
        var path: String { "blobs/sha256/\(self.digest.hex)" }
    }

    static let layerType = "application/vnd.oci.image.layer.v1.tar"
    static let configurationType = "application/vnd.oci.image.config.v1+json"
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"

    let layer: Blob
    let configuration: Blob
    let configurationBytes: [UInt8]
    let manifest: Blob
    let manifestBytes: [UInt8]
    private let platform: JSONValue

    init(contents: ImageContents, layer: ImageDigest, size: Int) {
        self.layer = Blob(mediaType: Self.layerType, digest: layer, size: size)
        self.platform = [
            "architecture": .string(contents.platform.architecture), "os": .string(contents.platform.operatingSystem),
        ]
        let created: JSONValue = "1970-01-01T00:00:00Z"
        let user = "\(ImageContents.user):\(ImageContents.user)"
        let configuration: JSONValue = [
            "architecture": .string(contents.platform.architecture),
            "config": [
                "Entrypoint": [.string(contents.entryPoint)],
                "Env": [.string("PATH=\(directoryName(contents.entryPoint))")],
                "User": .string(user),
                "WorkingDir": "/",
            ],
            "created": created,
            "history": [["created": created, "created_by": "detour image"]],
            "os": .string(contents.platform.operatingSystem),
            "rootfs": ["diff_ids": [.string(layer.description)], "type": "layers"],
        ]
        self.configurationBytes = configuration.bytes
        self.configuration = Blob(
            mediaType: Self.configurationType,
            digest: ImageDigest(of: self.configurationBytes),
            size: self.configurationBytes.count
        )
        let manifest: JSONValue = [
            "config": self.configuration.descriptor,
            "layers": [self.layer.descriptor],
            "mediaType": .string(Self.manifestType),
            "schemaVersion": 2,
        ]
        self.manifestBytes = manifest.bytes
        self.manifest = Blob(
            mediaType: Self.manifestType,
            digest: ImageDigest(of: self.manifestBytes),
            size: self.manifestBytes.count
        )
    }

    /// `index.json` of an image layout; the annotations are where containerd and others look for the name.
    func index(_ reference: ImageReference) -> [UInt8] {
        var entry = self.manifest.descriptor
        entry["platform"] = self.platform
        entry["annotations"] = JSONValue([
            "io.containerd.image.name": reference.description,
            "org.opencontainers.image.ref.name": reference.tag ?? "latest",
        ])
        let index: JSONValue = ["manifests": [entry], "mediaType": .string(Self.indexType), "schemaVersion": 2]
        return index.bytes
    }

    /// `manifest.json`, what `docker load` reads.
    func dockerManifest(_ reference: ImageReference) -> [UInt8] {
        let manifest: JSONValue = [
            [
                "Config": .string(self.configuration.path), "Layers": [.string(self.layer.path)],
                "RepoTags": [.string(reference.description)],
            ]
        ]
        return manifest.bytes
    }

    /// `oci-layout`, the file that says what kind of archive this is.
    static func layout() -> [UInt8] {
        JSONValue(["imageLayoutVersion": "1.0.0"]).bytes
    }
}
