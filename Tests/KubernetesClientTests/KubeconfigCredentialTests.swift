import Foundation
import KubernetesModel
import NIOHTTP1
import Testing

@testable import KubernetesClient

@Suite("What a kubeconfig user authenticates with")
struct KubeconfigCredentialTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func load(
        user: String,
        cluster: String = "",
        environment: [String: String] = [:]
    ) throws -> ClusterConnection {
        try ClusterConnection.load(
            kubeconfig: try self.folder.write("config", kubeconfig(cluster: cluster, user: user)),
            environment: environment
        )
    }

    @Test("A username and password are basic authentication")
    func login() throws {
        let connection = try self.load(user: "{username: bob, password: 'pa:ss'}")
        #expect(connection.credentials == .fixed(Credential(login: Login(username: "bob", password: "pa:ss"))))
        let headers = try LiveTransport(connection).headers(
            Credential(login: Login(username: "bob", password: "pa:ss"))
        )
        #expect(headers["authorization"] == ["Basic Ym9iOnBhOnNz"])
    }

    @Test("Impersonation names a user, a UID, groups and more, one header a value, keys escaped")
    func impersonation() throws {
        let connection = try self.load(
            user: "{token: t, as: jane, as-uid: '7', as-groups: [dev, ops], as-user-extra: {Scopes: [a, b], x/y%: [c]}}"
        )
        let headers = try LiveTransport(connection).headers(Credential(token: "t"))
            .filter { $0.name.hasPrefix("Impersonate") }.map { "\($0.name): \($0.value)" }
        #expect(
            headers == [
                "Impersonate-User: jane", "Impersonate-Uid: 7", "Impersonate-Group: dev", "Impersonate-Group: ops",
                "Impersonate-Extra-scopes: a", "Impersonate-Extra-scopes: b", "Impersonate-Extra-x%2Fy%25: c",
            ]
        )
        #expect(connection.userDescription == "user \"alice\" as \"jane\" in context \"dev\"")
    }

    @Test("What would break a header is refused before anything is sent")
    func headerInjection() throws {
        let transport = try LiveTransport(try self.load(user: #"{token: t, as: "jane\r\nX-Evil: 1"}"#))
        #expect(throws: KubernetesError(.configuration, "")) { try transport.headers(Credential(token: "t")) }
        let plain = try LiveTransport(try self.load(user: "token: t"))
        let error = #expect(throws: KubernetesError.self) { try plain.headers(Credential(token: "se\ncret")) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("cret") == false)
    }

    @Test("An exec plugin is read whole; a command with a slash is relative to the kubeconfig")
    func plugin() throws {
        let ca = Data("CA".utf8).base64EncodedString()
        let connection = try self.load(
            user: """
                exec:
                      apiVersion: client.authentication.k8s.io/v1
                      command: ./bin/login
                      args: [--region, "7"]
                      env: [{name: A, value: "1"}, {name: A, value: "2"}, {name: EMPTY}]
                      installHint: "\\nget it there"
                      interactiveMode: Never
                      provideClusterInfo: true
                """,
            cluster: """
                certificate-authority-data: \(ca)
                    tls-server-name: kube.example
                    proxy-url: socks5://p:9
                    extensions:
                    - name: client.authentication.k8s.io/exec
                      extension: {audience: "17", deep: {n: 1, yes: true, none: null}}
                    - name: other
                      extension: 5
                """
        )
        guard case .plugin(let plugin, nil) = connection.credentials else {
            Issue.record("no plugin: \(connection.credentials)")
            return
        }
        #expect(plugin.command == self.folder.path + "/bin/login")
        #expect(plugin.arguments == ["--region", "7"])
        #expect(plugin.environment == ["A": "2", "EMPTY": ""])
        #expect(plugin.installHint == "get it there")
        #expect(plugin.interaction == .never)
        let config: JSONValue = ["audience": "17", "deep": ["n": 1, "yes": true, "none": .null]]
        #expect(
            plugin.information(isInteractive: false) == [
                "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                "spec": [
                    "interactive": false,
                    "cluster": [
                        "server": "https://10.0.0.1:6443", "certificate-authority-data": .string(ca),
                        "tls-server-name": "kube.example", "proxy-url": "socks5://p:9", "config": config,
                    ],
                ],
            ]
        )
    }

    @Test("The older form has a default for interactiveMode, and tells of no cluster unless asked to")
    func olderPlugin() throws {
        let connection = try self.load(
            user: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}",
            environment: ["DETOUR_PLUGIN_TIMEOUT": "7"]
        )
        let plugin = ExecPlugin(version: .v1beta1, command: "aws", deadline: .seconds(7))
        #expect(connection.credentials == .plugin(plugin, identity: nil))
        #expect(plugin.information(isInteractive: true)["spec"] == ["interactive": true])
        #expect("\(plugin)" == "credential plugin \"aws\"")
    }

    @Test("A token wins over a plugin, as for kubectl")
    func tokenBeforePlugin() throws {
        let exec = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}"
        #expect(try self.load(user: "{token: t, \(exec)}").credentials == .fixed(Credential(token: "t")))
        guard case .tokenFile = try self.load(user: "{tokenFile: t, \(exec)}").credentials else {
            Issue.record("the plugin won")
            return
        }
    }

    @Test("The id-token of an OpenID Connect provider is used until it expires")
    func openIDConnect() throws {
        func token(_ claims: String) -> String {
            let payload = Data(claims.utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-")
            return "e30.\(payload).c2ln"
        }
        let good = token(#"{"exp":99999999999,"x":">>>???"}"#)
        #expect(
            try self.load(user: "auth-provider: {name: oidc, config: {id-token: \(good)}}").credentials
                == .fixed(Credential(token: good))
        )
        let old = token(#"{"exp":1500000000}"#)
        let error = #expect(throws: KubernetesError.self) {
            try self.load(user: "auth-provider: {name: oidc, config: {id-token: \(old)}}")
        }
        #expect(error?.message.contains("has expired, and Detour does not renew it: run kubectl once") == true)
    }

    @Test(
        "What cannot be used is named with its file, its user, its key and the mend",
        arguments: zip(
            [
                "auth-provider: {name: gcp}", "auth-provider: {name: azure}", "auth-provider: {name: oidc}",
                "auth-provider: {name: openstack}", "{username: u, password: p, token: t}", "password: p",
                "{username: 'a:b', password: p}", "as-groups: [a]", "{as-uid: '1'}", "as-user-extra: {a: [b]}",
                "exec: {apiVersion: client.authentication.k8s.io/v1beta1}", "exec: {command: x}",
                "exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}",
                "exec: {command: x, apiVersion: client.authentication.k8s.io/v1}",
                "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Sometimes}",
                "exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1, env: [{value: v}]}",
                "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}, auth-provider: {name: gcp}}",
            ],
            [
                "uses auth-provider \"gcp\", which is not supported; run gcloud container clusters get-credentials",
                "uses auth-provider \"azure\", which is not supported; run kubelogin convert-kubeconfig",
                "uses auth-provider \"oidc\", which is not supported; it has no id-token",
                "replace it by an exec plugin",
                "has both a token and a username with a password: remove one", "has a password and no username",
                "a username cannot have a colon", "and no \"as\": add it", "and no \"as\": add it",
                "and no \"as\": add it", "exec has no command", "exec has no apiVersion: add client.authentication",
                "exec has apiVersion client.authentication.k8s.io/v1alpha1; Detour, like kubectl, knows",
                "exec has no interactiveMode", "exec has interactiveMode \"Sometimes\"; there is Never, IfAvailable or",
                "exec has an environment variable without a usable name", "has both exec and auth-provider: remove one",
            ]
        )
    )
    func faults(user: String, expected: String) {
        let error = #expect(throws: KubernetesError.self) { try self.load(user: user) }
        #expect([.configuration, .unsupported].contains(error?.code))
        #expect(error?.message.hasPrefix("kubeconfig: user \"alice\"") == true)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        if error?.message.contains("\"as\"") == false {
            #expect(error?.message.contains(self.folder.path) == true, "names the file")
        }
    }

    @Test("A time limit for plugins that is no number is refused by name")
    func badTimeout() {
        let error = #expect(throws: KubernetesError.self) {
            try self.load(
                user: "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}",
                environment: ["DETOUR_PLUGIN_TIMEOUT": "1h"]
            )
        }
        #expect(error?.message.contains("DETOUR_PLUGIN_TIMEOUT is to be a number of seconds") == true)
    }
}
