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
            for key in ["cluster", "user", "context"] where container.contains(AnyKey(key)) {
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

        enum CodingKeys: String, CodingKey {
            case server
            case certificateAuthority = "certificate-authority"
            case certificateAuthorityData = "certificate-authority-data"
            case insecureSkipTLSVerify = "insecure-skip-tls-verify"
            case tlsServerName = "tls-server-name"
            case proxyURL = "proxy-url"
        }
    }

    struct User: Decodable {
        var token: String?
        var tokenFile: String?
        var clientCertificate: String?
        var clientCertificateData: String?
        var clientKey: String?
        var clientKeyData: String?
        /// The fields present that Detour cannot serve yet.
        var unsupported: [String]

        enum CodingKeys: String, CodingKey {
            case token
            case tokenFile
            case clientCertificate = "client-certificate"
            case clientCertificateData = "client-certificate-data"
            case clientKey = "client-key"
            case clientKeyData = "client-key-data"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.token = try fields.decodeIfPresent(String.self, forKey: .token)
            self.tokenFile = try fields.decodeIfPresent(String.self, forKey: .tokenFile)
            self.clientCertificate = try fields.decodeIfPresent(String.self, forKey: .clientCertificate)
            self.clientCertificateData = try fields.decodeIfPresent(String.self, forKey: .clientCertificateData)
            self.clientKey = try fields.decodeIfPresent(String.self, forKey: .clientKey)
            self.clientKeyData = try fields.decodeIfPresent(String.self, forKey: .clientKeyData)
            let all = try decoder.container(keyedBy: AnyKey.self)
            let unsupported = ["exec", "auth-provider", "username", "password", "as", "as-groups", "as-user-extra"]
            self.unsupported = try unsupported.filter {
                try all.contains(AnyKey($0)) && !all.decodeNil(forKey: AnyKey($0))
            }
        }
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
