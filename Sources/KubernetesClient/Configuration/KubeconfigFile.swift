import KubernetesModel
import Yams

/// A kubeconfig file as it is written: every field that Detour reads, none interpreted.
struct KubeconfigFile: Decodable {
    struct Named<Value: Decodable>: Decodable {
        var name: String?
        var value: Value?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            self.name = try container.decodeIfPresent(String.self, forKey: AnyKey("name"))
            self.value = nil
            for key in ["cluster", "user", "context", "extension"] where container.contains(AnyKey(key)) {
                self.value = try container.decodeIfPresent(Value.self, forKey: AnyKey(key))
            }
        }
    }

    struct Cluster: Decodable {
        var server: String?
        var certificateAuthority: String?
        var certificateAuthorityData: String?
        var insecureSkipTLSVerify: Bool?
        var tlsServerName: String?
        var proxyURL: String?
        var extensions: [Named<JSONValue>]?

        enum CodingKeys: String, CodingKey {
            case server
            case certificateAuthority = "certificate-authority"
            case certificateAuthorityData = "certificate-authority-data"
            case insecureSkipTLSVerify = "insecure-skip-tls-verify"
            case tlsServerName = "tls-server-name"
            case proxyURL = "proxy-url"
            case extensions
        }
    }

    struct User: Decodable {
        var token: String?
        var tokenFile: String?
        var clientCertificate: String?
        var clientCertificateData: String?
        var clientKey: String?
        var clientKeyData: String?
        var username: String?
        var password: String?
        var impersonate: String?
        var impersonateUID: String?
        var impersonateGroups: [String]?
        var impersonateExtra: [String: [String]]?
        var exec: Exec?
        var authProvider: AuthProvider?

        enum CodingKeys: String, CodingKey {
            case token
            case tokenFile
            case clientCertificate = "client-certificate"
            case clientCertificateData = "client-certificate-data"
            case clientKey = "client-key"
            case clientKeyData = "client-key-data"
            case username
            case password
            case impersonate = "as"
            case impersonateUID = "as-uid"
            case impersonateGroups = "as-groups"
            case impersonateExtra = "as-user-extra"
            case exec
            case authProvider = "auth-provider"
        }
    }

    struct Exec: Decodable {
        struct Variable: Decodable {
            var name: String?
            var value: String?
        }

        var apiVersion: String?
        var command: String?
        var args: [String]?
        var env: [Variable]?
        var installHint: String?
        var interactiveMode: String?
        var provideClusterInfo: Bool?
    }

    struct AuthProvider: Decodable {
        var name: String?
        var config: [String: String]?
    }

    struct Context: Decodable {
        var cluster: String?
        var user: String?
        var namespace: String?
    }

    var currentContext: String?
    var clusters: [Named<Cluster>]?
    var users: [Named<User>]?
    var contexts: [Named<Context>]?

    enum CodingKeys: String, CodingKey {
        case currentContext = "current-context"
        case clusters
        case users
        case contexts
    }

    /// Parses the text of a file. An empty file is an empty configuration, as for kubectl.
    init(parsing text: String) throws {
        guard text.contains(where: { !$0.isWhitespace }) else { return }
        self = try YAMLDecoder().decode(KubeconfigFile.self, from: text)
    }
}

/// A key of any name.
struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { self.stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
