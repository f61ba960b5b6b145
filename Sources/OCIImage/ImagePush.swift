/// Pushes an image to a registry by the OCI distribution specification, without a daemon.
public enum ImagePush {
    /// What was done with one part of the image, for progress output.
    public enum Step: Hashable, Sendable {
        /// The registry has the blob already.
        case present(ImageDigest)
        /// The blob is being sent.
        case sending(ImageDigest, bytes: Int)
        /// The manifest is in place: the image can be pulled.
        case finished(ImageDigest)
    }

    /// Sends what the registry does not have yet, then the manifest, and returns the manifest's digest.
    ///
    /// The program is read twice, in pieces: once for its digest, which the protocol wants first, once to send it.
    ///
    /// - Parameters:
    ///   - contents: what goes into the image.
    ///   - reference: where to, with a tag; a digest is allowed if it is the image's own.
    ///   - credentials: who pushes; nil for a registry that does not ask.
    ///   - plainHTTP: whether to speak HTTP without TLS; registries on `localhost` and loopback addresses always do.
    ///   - onStep: called after each part, on the task that pushes.
    @discardableResult
    public static func push(
        _ contents: ImageContents,
        to reference: ImageReference,
        credentials: RegistryCredentials? = nil,
        plainHTTP: Bool = false,
        onStep: (Step) -> Void = { _ in }
    ) async throws -> ImageDigest {
        try await LiveRegistryTransport.with { transport in
            try await self.push(
                contents,
                to: reference,
                credentials: credentials,
                plainHTTP: plainHTTP,
                transport: transport,
                onStep: onStep
            )
        }
    }

    static func push(
        _ contents: ImageContents,
        to reference: ImageReference,
        credentials: RegistryCredentials?,
        plainHTTP: Bool,
        transport: any RegistryTransport,
        onStep: (Step) -> Void
    ) async throws -> ImageDigest {
        let documents = try contents.documents()
        let digest = documents.manifest.digest
        if let wanted = reference.digest, wanted != digest {
            throw ImageError(
                .invalidReference,
                "\(reference) names another image than this one, which is \(digest); push it under a tag"
            )
        }
        var session = RegistrySession(
            reference,
            credentials: credentials,
            plainHTTP: plainHTTP || reference.isLoopback,
            transport: transport
        )
        let blobs: [(ImageDocuments.Blob, RegistryRequest.Body)] = [
            (documents.layer, .layer(contents, size: documents.layer.size)),
            (documents.configuration, .bytes(documents.configurationBytes)),
        ]
        for (blob, body) in blobs {
            let found = try await session.send("HEAD", session.url("blobs/\(blob.digest)"))
            if found.status == 200 {
                onStep(.present(blob.digest))
            } else {
                onStep(.sending(blob.digest, bytes: blob.size))
                try await self.upload(blob, body, by: &session)
            }
        }
        let name = reference.tag ?? digest.description
        let stored = try await session.send(
            "PUT",
            session.url("manifests/\(name)"),
            headers: [(name: "content-type", value: ImageDocuments.manifestType)],
            body: .bytes(documents.manifestBytes)
        )
        guard stored.status == 201 else { throw session.failure(stored, "store the manifest of") }
        if let answered = stored.header("docker-content-digest"), answered != digest.description {
            throw ImageError(
                .registry,
                "\(reference.registry) stored another manifest than was sent: \(printable(answered))"
            )
        }
        onStep(.finished(digest))
        return digest
    }

    /// Asks for a place to put the blob, and puts it there in one request.
    private static func upload(
        _ blob: ImageDocuments.Blob,
        _ body: RegistryRequest.Body,
        by session: inout RegistrySession
    ) async throws {
        let start = session.url("blobs/uploads/")
        let opened = try await session.send("POST", start)
        guard opened.status == 202 else { throw session.failure(opened, "begin the upload of") }
        guard let location = opened.header("location").flatMap(start.resolving) else {
            throw session.failure(opened, "name a place for the upload of")
        }
        let stored = try await session.send(
            "PUT",
            location.adding("digest", blob.digest.description),
            headers: [(name: "content-type", value: "application/octet-stream")],
            body: body
        )
        guard stored.status == 201 else { throw session.failure(stored, "store a part of") }
    }
}
