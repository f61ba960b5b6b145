import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A request to a registry, as plain as the protocol needs it.
struct RegistryRequest: Sendable {
    enum Body: Sendable {
        case none
        case bytes([UInt8])
        case layer(ImageContents, size: Int)
    }

    var method: String
    var url: String
    var headers: [(name: String, value: String)] = []
    var body = Body.none
}

/// What a registry answered.
struct RegistryResponse: Sendable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    func header(_ name: String) -> String? {
        self.headers.first { $0.name.lowercased() == name }?.value
    }
}

/// The seam between the protocol and the network: one live form, and a scripted one in the tests.
protocol RegistryTransport: Sendable {
    func send(_ request: RegistryRequest) async throws -> RegistryResponse
}

/// Sends by AsyncHTTPClient, over connections that end with the push.
struct LiveRegistryTransport: RegistryTransport {
    private let client: HTTPClient
    /// Answers are short documents; more than this is an error.
    private let bodyLimit: Int

    /// Lends a transport to `body` and closes its connections afterwards, however it ends.
    static func with<Result>(
        bodyLimit: Int = 1 << 20,
        _ body: (LiveRegistryTransport) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        // A registry that refuses the connection is reported at once: a person is waiting.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        do {
            let result = try await body(LiveRegistryTransport(client: client, bodyLimit: bodyLimit))
            try await client.shutdown()
            return result
        } catch {
            // The first failure is the one to report.
            try? await client.shutdown()
            throw error
        }
    }

    func send(_ request: RegistryRequest) async throws -> RegistryResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = .init(rawValue: request.method)
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        outgoing.headers.replaceOrAdd(name: "user-agent", value: "detour")
        var timeout = TimeAmount.seconds(30)
        switch request.body {
        case .none: break
        case .bytes(let bytes): outgoing.body = .bytes(bytes)
        case .layer(let contents, let size):
            outgoing.body = .stream(LayerBody(contents: contents), length: .known(Int64(size)))
            timeout = .minutes(30)
        }
        let response = try await self.client.execute(outgoing, timeout: timeout)
        let body = try await response.body.collect(upTo: self.bodyLimit)
        return RegistryResponse(
            status: Int(response.status.code),
            headers: response.headers.map { ($0.name, $0.value) },
            body: Array(body.readableBytesView)
        )
    }
}
