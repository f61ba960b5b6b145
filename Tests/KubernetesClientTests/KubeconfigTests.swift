import Foundation
import KubernetesModel
import Testing

@testable import KubernetesClient

@Suite("Kubeconfig")
struct KubeconfigTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func load(_ text: String, context: String? = nil) throws -> ClusterConnection {
        try ClusterConnection.load(
            kubeconfig: try self.folder.write("config", text),
            context: context,
            environment: [:]
        )
    }

    @Test("A token, a server and a namespace are read; Windows line ends do no harm", arguments: [false, true])
    func simple(withCRLF: Bool) throws {
        let text = kubeconfig(context: "namespace: shop")
        let connection = try self.load(withCRLF ? text.replacing("\n", with: "\r\n") : text)
        #expect(connection.server.description == "https://10.0.0.1:6443")
        #expect(connection.namespace == "shop")
        #expect(connection.credentials == .fixed(Credential(token: "abc")))
        #expect(connection.contextName == "dev")
        #expect(connection.userName == "alice")
        #expect(connection.isInsecure == false)
    }

    @Test("Inline data is base64, files are relative to the kubeconfig, and data wins")
    func material() throws {
        try self.folder.write("pki/ca.pem", "CA")
        try self.folder.write("pki/cert.pem", "CERT")
        let key = Data("KEY".utf8).base64EncodedString()
        let connection = try self.load(
            kubeconfig(
                cluster: "certificate-authority: pki/ca.pem",
                user: "{client-certificate: pki/cert.pem, client-key: missing.pem, client-key-data: \(key)}"
            )
        )
        #expect(connection.certificateAuthority == Array("CA".utf8))
        let identity = ClientIdentity(certificate: Array("CERT".utf8), key: Array("KEY".utf8))
        #expect(connection.credentials == .fixed(Credential(identity: identity)))
    }

    @Test("A token file is relative too, is read later, and wins over a token")
    func tokenFile() throws {
        let connection = try self.load(kubeconfig(user: "{token: abc, tokenFile: t/token}"))
        guard case .tokenFile(let path, nil) = connection.credentials else {
            Issue.record("no token file: \(connection.credentials)")
            return
        }
        #expect(path.hasSuffix("/t/token") && path.hasPrefix("/"))
    }

    @Test("Of two files the first wins, entry by entry, and missing ones are skipped")
    func merging() throws {
        let first = try self.folder.write("a/config", kubeconfig(user: "{token: first, tokenFile: here}"))
        let second = try self.folder.write(
            "b/config",
            kubeconfig(user: "token: second").replacing("name: dev", with: "name: other")
                .replacing("current-context: dev", with: "current-context: other")
        )
        let environment = ["KUBECONFIG": "\(self.folder.path)/none:\(first)::\(second)", "HOME": "/nonexistent"]
        let current = try ClusterConnection.load(environment: environment)
        #expect(current.contextName == "dev")
        #expect(current.credentials == .tokenFile("\(self.folder.path)/a/here", identity: nil))
        let other = try ClusterConnection.load(context: "other", environment: environment)
        #expect(other.contextName == "other")
        #expect(other.credentials == current.credentials)
    }

    @Test("The home directory's file is the default")
    func home() throws {
        try self.folder.write(".kube/config", kubeconfig())
        #expect(try ClusterConnection.load(environment: ["HOME": self.folder.path]).userName == "alice")
    }

    @Test(
        "Faults are named",
        arguments: [
            (kubeconfig(user: "client-certificate-data: QQ=="), "has a client-certificate and no client-key"),
            (kubeconfig(user: "client-certificate-data: '%%%'"), "client-certificate-data is not base64"),
            (kubeconfig(user: "{client-certificate: no.pem, client-key: no.pem}"), "no.pem does not exist"),
            (
                kubeconfig(
                    cluster: "{insecure-skip-tls-verify: true, certificate-authority-data: QQ==}".replacing(
                        "{",
                        with: ""
                    ).replacing("}", with: "").replacing(", ", with: "\n    ")
                ), "remove one"
            ),
            (kubeconfig().replacing("user: alice", with: "user: bob"), "names the user \"bob\", who is not in"),
            (
                kubeconfig().replacing("cluster: c\n    user", with: "cluster: d\n    user"),
                "names no cluster that is in"
            ),
            (kubeconfig().replacing("https://10.0.0.1:6443", with: "ftp://x"), "is not a URL"),
            (kubeconfig().replacing("https://10.0.0.1:6443", with: "''"), "has no server"),
            (kubeconfig().replacing("current-context: dev", with: ""), "no context is chosen"),
            (
                kubeconfig().replacing("current-context: dev", with: "current-context: x"),
                "there is no context \"x\" in"
            ),
            (kubeconfig().replacing("- name: alice", with: "-"), "an entry of \"users\" has no name"),
            (
                kubeconfig() + "users: []\n",
                "is not a kubeconfig: the key \"users\" stands there twice (line 9): remove one"
            ),
            (
                kubeconfig(user: "token: abc\n    token: secret"),
                "the key \"token\" stands there twice (line 12): remove one"
            ),
            (
                kubeconfig().replacing("contexts:", with: "- name: alice\n  user: {token: other}\ncontexts:"),
                "two entries of \"users\" are named \"alice\": rename or remove one"
            ),
            (kubeconfig(user: "token: *secret"), "is not a kubeconfig: line 12: found undefined alias"),
            ("a: [", "is not a kubeconfig"), ("just text", "is not a kubeconfig"),
            ("clusters: 5", "is not a kubeconfig"),
            ("", "no context is chosen"),
        ]
    )
    func faults(text: String, expected: String) {
        let error = #expect(throws: KubernetesError.self) { try self.load(text) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
        #expect(error?.message.contains("abc") == false && error?.message.contains("token: ") == false)
    }

    @Test("Without any file the searched places are named; an explicit file must exist")
    func missing() {
        let none = #expect(throws: KubernetesError.self) {
            try ClusterConnection.load(environment: ["HOME": "/nowhere"])
        }
        #expect(none?.message == "no kubeconfig: /nowhere/.kube/config does not exist; name one with --kubeconfig")
        let named = #expect(throws: KubernetesError.self) {
            try ClusterConnection.load(kubeconfig: "/nowhere/x", environment: [:])
        }
        #expect(named?.message == "kubeconfig: /nowhere/x does not exist")
    }

    @Test("In a cluster the service account is found, its namespace and authority read")
    func inCluster() throws {
        try self.folder.write("ca.crt", "CA")
        try self.folder.write("token", "tok\n")
        try self.folder.write("namespace", "shop\n")
        let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        let connection = try ClusterConnection.inCluster(environment: environment, directory: self.folder.path)
        #expect(connection.server.description == "https://10.96.0.1:443")
        #expect(connection.namespace == "shop")
        #expect(connection.credentials == .tokenFile(self.folder.path + "/token", identity: nil))
        #expect(throws: KubernetesError(.configuration, "")) {
            try ClusterConnection.inCluster(environment: environment, directory: "/nowhere")
        }
        #expect(throws: KubernetesError(.configuration, "")) {
            try ClusterConnection.inCluster(environment: [:], directory: self.folder.path)
        }
    }

    @Test(
        "Server addresses",
        arguments: zip(
            [
                "https://h", "http://h:80/", "https://[::1]:6443/a/b/", "h:6443", "https://h:0", "https://",
                "https://h:x", "ftp://h", "https://u@h", "https://[::1", "https://h:99999",
            ],
            [
                "https://h:443", "http://h:80", "https://[::1]:6443/a/b", "https://h:6443", nil, nil, nil, nil, nil,
                nil, nil,
            ]
        )
    )
    func addresses(text: String, expected: String?) {
        #expect(ServerAddress(text)?.description == expected)
    }

    @Test("Credentials never print what they hold")
    func secrecy() {
        let credential = Credential(token: "secret", identity: ClientIdentity(certificate: [1], key: [2]))
        #expect("\(credential)" == "token and client certificate")
    }
}
