import FoundationEssentials
import KubernetesModel

/// A user name and a password or token for a registry.
public struct RegistryCredentials: Sendable {
    /// The user's name.
    public var username: String
    /// The password or token; printed nowhere.
    public var password: String

    /// Credentials given by hand.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// Reads those that `docker login` left in `~/.docker/config.json`, or in the folder `DOCKER_CONFIG` names.
    ///
    /// - Returns: nil when there is no such file or nothing in it about this registry.
    public static func forRegistry(
        of reference: ImageReference,
        environment: [String: String]
    ) throws(ImageError) -> RegistryCredentials? {
        let folder = environment["DOCKER_CONFIG"] ?? environment["HOME"].map { "\($0)/.docker" }
        guard let folder, let data = FileManager.default.contents(atPath: "\(folder)/config.json") else { return nil }
        return try self.read(dockerConfiguration: data, path: "\(folder)/config.json", reference: reference)
    }

    /// Reads Docker's `config.json`; only its `auths` are used, no helper program is run.
    static func read(
        dockerConfiguration data: Data,
        path: String,
        reference: ImageReference
    ) throws(ImageError) -> RegistryCredentials? {
        let configuration: JSONValue
        do {
            configuration = try JSONValue(parsing: data)
        } catch {
            throw ImageError(.credentials, "\(path) is not valid JSON; run docker login again", cause: error)
        }
        let entries = configuration["auths"]?.object ?? [:]
        let keys = self.keys(for: reference)
        if let entry = keys.compactMap({ entries[$0] }).first(where: { !($0.object ?? [:]).isEmpty }) {
            return try self.read(entry, path: path, registry: reference.registry)
        }
        let helper = keys.compactMap { configuration["credHelpers"]?[$0]?.string }.first
        guard let helper = helper ?? configuration["credsStore"]?.string,
            helper != configuration["credsStore"]?.string || keys.contains(where: { entries[$0] != nil })
        else { return nil }
        throw ImageError(
            .credentials,
            "\(path) keeps the credentials of \(reference.registry) in the helper \"\(printable(helper))\", "
                + "which is not supported; give a user name and a password, or log in without a helper"
        )
    }

    private static func read(_ entry: JSONValue, path: String, registry: String) throws(ImageError) -> Self {
        if let username = entry["username"]?.string, let password = entry["password"]?.string {
            return RegistryCredentials(username: username, password: password)
        }
        if let text = entry["auth"]?.string, let decoded = Data(base64Encoded: text) {
            let parts = String(decoding: decoded, as: UTF8.self).split(
                separator: ":",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            if parts.count == 2 {
                return RegistryCredentials(username: String(parts[0]), password: String(parts[1]))
            }
        }
        throw ImageError(
            .credentials,
            "the entry of \(registry) in \(path) has no user name and password; run docker login \(registry) again"
        )
    }

    /// The names under which a registry's entry may be filed, the usual one first.
    private static func keys(for reference: ImageReference) -> [String] {
        let host = reference.registry
        var keys = [host, "https://\(host)", "http://\(host)", "https://\(host)/v2/", "https://\(host)/v1/"]
        if host == ImageReference.dockerHub {
            keys = ["https://index.docker.io/v1/", "index.docker.io", "docker.io"] + keys
        }
        return keys
    }
}

extension RegistryCredentials: CustomStringConvertible, CustomDebugStringConvertible {
    /// The user's name alone.
    public var description: String { "\(self.username):***" }
    /// The user's name alone.
    public var debugDescription: String { self.description }

    /// The value of an `Authorization` header (RFC 7617).
    var basicAuthorization: String {
        "Basic \(Data("\(self.username):\(self.password)".utf8).base64EncodedString())"
    }
}
