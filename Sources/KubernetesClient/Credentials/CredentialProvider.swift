import KubernetesModel

/// Hands out the credential to use now.
///
/// A token file is read again after a minute, a plugin runs again before what it gave expires, and both at once when the
/// server refused what they gave.
actor CredentialProvider {
    private static let lifetime = Duration.seconds(60)

    private let source: CredentialSource
    private let now: @Sendable () -> ContinuousClock.Instant
    private let read: @Sendable (String) throws -> [UInt8]
    private let plugin: PluginCredentials?
    private var cached: (credential: Credential, readAt: ContinuousClock.Instant)?

    init(
        _ source: CredentialSource,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        read: @escaping @Sendable (String) throws -> [UInt8] = LocalFile.read,
        run: @escaping @Sendable (ExecPlugin) async throws -> ExecAnswer = { try await ExecRun().answer($0) }
    ) {
        self.source = source
        self.now = now
        self.read = read
        if case .plugin(let plugin, _) = source {
            self.plugin = PluginCredentials(plugin, run: run)
        } else {
            self.plugin = nil
        }
    }

    /// The credential for the next request.
    func current() async throws -> Credential {
        switch self.source {
        case .fixed(let credential): return credential
        case .tokenFile(let path, let identity): return try self.token(path, identity)
        case .plugin(_, let identity):
            var credential = try await self.plugin?.current() ?? Credential()
            credential.identity = credential.identity ?? identity
            return credential
        }
    }

    /// The server refused a credential.
    ///
    /// - Returns: whether there may be another one to try.
    func refused(_ credential: Credential) async -> Bool {
        switch self.source {
        case .fixed: return false
        case .tokenFile(let path, let identity):
            guard let cached = self.cached else { return false }
            // Somebody else may have seen the refusal first.
            if cached.credential != credential { return true }
            self.cached = nil
            guard let renewed = try? self.token(path, identity) else {
                self.cached = cached
                return false
            }
            return renewed != credential
        case .plugin(_, let identity):
            var issued = credential
            if issued.identity == identity { issued.identity = nil }
            await self.plugin?.refused(issued)
            return true
        }
    }

    private func token(_ path: String, _ identity: ClientIdentity?) throws -> Credential {
        let now = self.now()
        if let cached = self.cached, cached.readAt.duration(to: now) < Self.lifetime { return cached.credential }
        do {
            let text = String(decoding: try self.read(path), as: UTF8.self)
            // A writer that truncates first shows an empty file for a moment: not a wish to be nobody.
            guard let token = text.split(whereSeparator: \.isWhitespace).first.map({ String($0) }) else {
                throw KubernetesError(
                    .configuration,
                    "the token file \(path) is empty; is what writes it still running?"
                )
            }
            let credential = Credential(token: token, identity: identity)
            self.cached = (credential, now)
            return credential
        } catch {
            // The old token may still be good: a renewal is not atomic everywhere.
            if let cached = self.cached { return cached.credential }
            throw error
        }
    }
}
