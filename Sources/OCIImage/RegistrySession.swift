import KubernetesModel

/// One registry, one repository, and the authorisation that was obtained for it.
struct RegistrySession {
    private let reference: ImageReference
    private let credentials: RegistryCredentials?
    private let transport: any RegistryTransport
    private let origin: String
    private var authorization: String?

    init(
        _ reference: ImageReference,
        credentials: RegistryCredentials?,
        plainHTTP: Bool,
        transport: any RegistryTransport
    ) {
        self.reference = reference
        self.credentials = credentials
        self.transport = transport
        let host = reference.registry == ImageReference.dockerHub ? "registry-1.docker.io" : reference.registry
        self.origin = "\(plainHTTP ? "http" : "https")://\(host)"
    }

    /// The address of something in the repository.
    func url(_ path: String) -> RegistryURL {
        RegistryURL(origin: self.origin, path: "/v2/\(self.reference.repository)/\(path)")
    }

    /// Sends a request; when the registry asks who is there, obtains the authorisation and sends it once more.
    mutating func send(
        _ method: String,
        _ url: RegistryURL,
        headers: [(name: String, value: String)] = [],
        body: RegistryRequest.Body = .none
    ) async throws -> RegistryResponse {
        var response = try await self.exchange(method, url, headers, body)
        if response.status == 401, url.origin == self.origin {
            let challenges = response.headers.filter { $0.name.lowercased() == "www-authenticate" }
                .flatMap { RegistryChallenge.parse($0.value) }
            self.authorization = try await self.answer(challenges)
            response = try await self.exchange(method, url, headers, body)
        }
        if response.status == 401 { throw self.refusal() }
        return response
    }

    /// An unexpected answer as an error, with the registry's own words.
    func failure(_ response: RegistryResponse, _ action: String) -> ImageError {
        let body = try? JSONValue(parsing: response.body)
        let first = body?["errors"]?[0]
        let words = [first?["code"]?.string, first?["message"]?.string].compactMap { $0 }.map(printable)
        let story = words.isEmpty ? "" : ": " + words.joined(separator: ": ")
        let denied = response.status == 403
        return ImageError(
            denied ? .unauthorized : .registry,
            "\(self.reference.registry) refused to \(action) \(self.reference) with status \(response.status)\(story)"
                + (denied ? "; these credentials may not write there" : "")
        )
    }

    private func exchange(
        _ method: String,
        _ url: RegistryURL,
        _ headers: [(name: String, value: String)],
        _ body: RegistryRequest.Body
    ) async throws -> RegistryResponse {
        var request = RegistryRequest(method: method, url: url.text, headers: headers, body: body)
        // An upload may lead to a storage host, which has its own authorisation in the address.
        if let authorization, url.origin == self.origin {
            request.headers.append((name: "authorization", value: authorization))
        }
        return try await self.deliver(request)
    }

    private func deliver(_ request: RegistryRequest) async throws -> RegistryResponse {
        do {
            return try await self.transport.send(request)
        } catch let error as ImageError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            let origin = RegistryURL(parsing: request.url)?.origin ?? self.origin
            throw ImageError(
                .unreachable,
                "cannot reach the registry at \(origin): \(RegistryTrouble.words(error)); is the name right, this machine in "
                    + "the right network, and does the registry speak TLS (--plain-http where it does not)?"
            )
        }
    }

    /// Answers the strongest challenge there is an answer for.
    private func answer(_ challenges: [RegistryChallenge]) async throws -> String {
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            return "Bearer \(try await self.token(challenge))"
        }
        guard challenges.contains(where: { $0.scheme == "basic" }), let credentials else { throw self.refusal() }
        return credentials.basicAuthorization
    }

    /// Fetches a token for pulling and pushing from the server the registry names.
    private func token(_ challenge: RegistryChallenge) async throws -> String {
        guard var url = challenge.parameters["realm"].flatMap(RegistryURL.init(parsing:)) else {
            throw ImageError(.registry, "\(self.reference.registry) names no usable token server in its challenge")
        }
        let secure = url.origin.hasPrefix("https:") || self.origin.hasPrefix("http:")
        guard secure || self.credentials == nil else {
            throw ImageError(
                .registry,
                "\(self.reference.registry) wants the password sent to \(url.origin) without TLS; nothing was sent"
            )
        }
        if let service = challenge.parameters["service"] { url = url.adding("service", service) }
        url = url.adding("scope", "repository:\(self.reference.repository):pull,push")
        var request = RegistryRequest(method: "GET", url: url.text)
        if let credentials { request.headers = [(name: "authorization", value: credentials.basicAuthorization)] }
        let response = try await self.deliver(request)
        let body = try? JSONValue(parsing: response.body)
        guard response.status == 200, let token = body?["token"]?.string ?? body?["access_token"]?.string else {
            throw self.refusal()
        }
        return token
    }

    private func refusal() -> ImageError {
        guard let credentials else {
            return ImageError(
                .unauthorized,
                "\(self.reference.registry) wants credentials for \(self.reference.repository); "
                    + "run docker login \(self.reference.registry) or give a user name and a password"
            )
        }
        return ImageError(
            .unauthorized,
            "\(self.reference.registry) does not accept the credentials of \"\(printable(credentials.username))\" "
                + "for \(self.reference.repository); run docker login \(self.reference.registry) again"
        )
    }
}
