import KubernetesModel
import Testing

@testable import KubernetesClient

@Suite("Which proxy stands before the API server")
struct ProxyTests {
    @Test(
        "A URL becomes a proxy, and is printed without its password",
        arguments: zip(
            [
                "http://p", "http://p:3128/", "http://u:p%40ss@p:3128", "socks5://10.0.0.1", "socks5h://[::1]:9",
                "HTTP://p:1",
            ],
            [
                "http://p:80", "http://p:3128", "http://p:3128", "socks5://10.0.0.1:1080", "socks5://[::1]:9",
                "http://p:1",
            ]
        )
    )
    func parsing(url: String, expected: String) throws {
        #expect(try ProxyServer(parsing: url).description == expected)
    }

    @Test("The login is decoded")
    func login() throws {
        let proxy = try ProxyServer(parsing: "http://u%3A:p%40s:s@p")
        #expect(proxy.kind == .http(Login(username: "u:", password: "p@s:s")))
    }

    @Test(
        "What is no usable proxy says why and the mend, without the password",
        arguments: zip(
            ["https://secret@p", "ftp://secret@p", "p:3128", "http://", "http://secret@p:x", "socks5://u:secret@p"],
            [
                "use its http:// address", "http and socks5 are supported", "write http://host:port", "is no URL",
                "is no URL", "use a proxy that asks for none",
            ]
        )
    )
    func refused(url: String, expected: String) {
        let fault = #expect(throws: ProxyServer.Fault.self) { try ProxyServer(parsing: url) }
        #expect(fault?.message.contains(expected) == true)
        #expect(fault?.message.contains("secret") == false)
    }

    private func proxy(_ server: String, _ variables: [String: String]) throws -> String? {
        let address = try #require(ServerAddress(server))
        return try ProxyEnvironment(variables).proxy(for: address)?.description
    }

    @Test("HTTPS_PROXY is for TLS, HTTP_PROXY for the rest, in capitals or not, with a scheme or without")
    func variables() throws {
        #expect(try self.proxy("https://k", ["HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:1"]) == "http://a:1")
        #expect(try self.proxy("http://k", ["HTTPS_PROXY": "http://a:1", "http_proxy": "b:1"]) == "http://b:1")
        #expect(try self.proxy("https://k", ["HTTPS_PROXY": "", "https_proxy": "c:1"]) == "http://c:1")
        #expect(try self.proxy("https://k", ["HTTP_PROXY": "http://b:1", "ALL_PROXY": "http://d:1"]) == nil)
        #expect(try self.proxy("http://k", ["HTTP_PROXY": "http://b:1", "REQUEST_METHOD": "GET"]) == nil)
        let error = #expect(throws: KubernetesError.self) {
            try self.proxy("https://k", ["HTTPS_PROXY": "https://a:1"])
        }
        #expect(error?.message.contains("HTTPS_PROXY") == true && error?.message.contains("add k to NO_PROXY") == true)
    }

    @Test(
        "NO_PROXY excepts by the rules of Go",
        arguments: [
            ("https://k.example:6443", "*", true), ("https://k.example:6443", "k.example", true),
            ("https://a.k.example:6443", "k.example", true), ("https://ak.example:6443", "k.example", false),
            ("https://k.example:6443", ".k.example", false), ("https://a.k.example:6443", ".k.example", true),
            ("https://a.k.example:6443", "*.k.example", true), ("https://K.Example:6443", "x, k.eXample ,y", true),
            ("https://k.example:6443", "k.example:6443", true), ("https://k.example:6443", "k.example:443", false),
            ("https://10.1.2.3:6443", "10.1.2.3", true), ("https://10.1.2.3:6443", "10.1.0.0/16", true),
            ("https://10.2.2.3:6443", "10.1.0.0/16", false), ("https://10.2.2.3:6443", "0.0.0.0/0", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true), ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://[fd00::7]:6443", "fd00::/8", true), ("https://[fd00::7]:6443", "fd00::7", true),
            ("https://[fd00::7]:6443", "[fd00::7]:6443", true), ("https://[fe00::7]:6443", "fd00::/8", false),
            ("https://localhost:6443", "", true), ("https://127.9.9.9:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://k.example", "", false), ("https://k.example", ",", false), ("https://k.example", ".", false),
        ]
    )
    func exceptions(server: String, list: String, isDirect: Bool) throws {
        let proxy = try self.proxy(server, ["HTTPS_PROXY": "http://p:1", "no_proxy": list])
        #expect((proxy == nil) == isDirect)
    }

    @Test("A cluster's own proxy-url wins over the environment and its exceptions")
    func kubeconfigFirst() throws {
        let folder = try TemporaryFolder()
        let environment = ["HTTPS_PROXY": "http://env:1", "NO_PROXY": "*"]
        func load(_ cluster: String) throws -> String? {
            let path = try folder.write("config", kubeconfig(cluster: cluster))
            return try ClusterConnection.load(kubeconfig: path, environment: environment).proxy?.description
        }
        #expect(try load("proxy-url: socks5://own:5") == "socks5://own:5")
        #expect(try load("proxy-url: ''") == nil)
        let error = #expect(throws: KubernetesError.self) { try load("proxy-url: https://own:5") }
        #expect(error?.message.contains("cluster \"c\"") == true)
        #expect(error?.message.contains("proxy-url asks for TLS to the proxy itself") == true)
    }
}
