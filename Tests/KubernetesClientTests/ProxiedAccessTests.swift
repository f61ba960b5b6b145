import KubernetesModel
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import KubernetesClient

/// Behind proxies, and under addresses in place of names.
extension ClusterAccessTests {
    @Test(
        "Both go through the proxy, which is asked for the server by its host",
        arguments: [ProxyServer.Kind.http(nil), .http(Login(username: "u", password: "p")), .socks5]
    )
    func proxied(kind: ProxyServer.Kind) async throws {
        let asked = Mutex<TestProxy?>(nil)
        let seen = try await self.visit(
            proxy: { server in
                let proxy = try await TestProxy(kind, to: server.port)
                asked.withLock { $0 = proxy }
                return proxy.server(kind)
            },
            { connection in
                connection.credentials = .fixed(Credential(token: "tok"))
                connection.server.host = "nowhere.invalid"
            }
        )
        #expect(seen == Seen(request: ["authorization: Bearer tok"], forward: ["authorization: Bearer tok"]))
        let proxy = try #require(asked.withLock { $0 })
        #expect(proxy.asked.list.count == 2)
        for text in proxy.asked.list {
            switch kind {
            case .socks5: #expect(text.hasPrefix("nowhere.invalid:"))
            case .http(let login):
                #expect(text.hasPrefix("CONNECT nowhere.invalid:"))
                #expect(text.lowercased().contains("proxy-authorization: basic dtpw") == (login != nil))
                #expect(!text.contains("tok"))
            }
        }
        try await proxy.channel.close()
    }

    /// A visit of 10.1.2.3 through a proxy at 127.0.0.1, or of a server whose expected name is that address.
    private func visitByAddress(
        certificateFor address: String,
        _ kind: ProxyServer.Kind?,
        host: String = "10.1.2.3"
    ) async throws -> Seen {
        let made = Mutex<TestProxy?>(nil)
        let result: Result<Seen, any Error>
        do {
            let seen = try await self.visit(
                certificateFor: address,
                proxy: { server in
                    guard let kind else { return nil }
                    let proxy = try await TestProxy(kind, to: server.port)
                    made.withLock { $0 = proxy }
                    return proxy.server(kind)
                },
                { connection in
                    connection.credentials = .fixed(Credential(token: "tok"))
                    connection.tlsServerName = kind == nil ? host : nil
                    if kind != nil { connection.server.host = host }
                }
            )
            result = .success(seen)
        } catch { result = .failure(error) }
        try await made.withLock { $0 }?.channel.close()
        return try result.get()
    }

    @Test(
        "A server that is named by its address is known by that, behind a proxy too, and as a TLS name",
        arguments: [ProxyServer.Kind.http(nil), .socks5, nil],
        ["10.1.2.3", "fd00::7"]
    )
    func addresses(kind: ProxyServer.Kind?, host: String) async throws {
        let seen = try await self.visitByAddress(certificateFor: host, kind, host: host)
        #expect(seen == Seen(request: ["authorization: Bearer tok"], forward: ["authorization: Bearer tok"]))
    }

    @Test(
        "A certificate for the proxy's address, or for a name, is not one for the server's address",
        arguments: [ProxyServer.Kind.http(nil), .socks5, nil]
    )
    func otherAddresses(kind: ProxyServer.Kind?) async throws {
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.visitByAddress(certificateFor: "127.0.0.1", kind)
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("its certificate is for another name") == true, "\(error?.message ?? "")")
    }

    @Test("A port-forward says nothing to a server whose certificate is for another address")
    func forwardToOtherAddress() async throws {
        let heard = Mutex<[String]>([])
        let tls = try self.authority.server(demandsCertificate: false, name: "127.0.0.1")
        let server = try await TestServer(tls: tls) { head, _ in
            heard.withLock { $0.append(head.uri) }
            return .init()
        }
        let proxy = try await TestProxy(.http(nil), to: server.port)
        var connection = server.connection
        connection.server = ServerAddress(host: "10.1.2.3", port: 6443, isTLS: true)
        connection.certificateAuthority = self.authority.pem
        connection.proxy = proxy.server(.http(nil))
        let client = try KubernetesClient(connection)
        let error = await #expect(throws: KubernetesError.self) { _ = try await client.portForward(pod: "p", port: 1) }
        #expect(error?.message.contains("its certificate is for another name") == true, "\(error?.message ?? "")")
        #expect(heard.withLock { $0 }.isEmpty)
        try await client.shutdown()
        try await proxy.channel.close()
        try await server.channel.close()
    }

    @Test(
        "A proxy that refuses is named, and why",
        arguments: [
            ("HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n", "asks for a login (407)"),
            ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "it refuses (403)"),
            ("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", "it answered 502"),
            ("SSH-2.0-x\r\n\r\n", "does not speak HTTP/1.1"),
            ("HTTP/1.1 200 OK\r\n\r\nmore", "sent more than an answer"),
        ]
    )
    func refusingProxy(answer: String, expected: String) async throws {
        let proxy = try await TestProxy(.http(nil), to: 1, answer: answer.replacing(" 200 ", with: " 201 "))
        var connection = ClusterConnection(server: ServerAddress(host: "k.invalid", port: 6443, isTLS: true))
        connection.proxy = proxy.server(.http(nil))
        let client = try KubernetesClient(connection)
        let error = await #expect(throws: KubernetesError.self) { _ = try await client.portForward(pod: "p", port: 1) }
        #expect(error?.code == .unreachable)
        #expect(
            error?.message.contains("\(proxy.server(.http(nil))) gives no connection to https://k.invalid:6443") == true
        )
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        try await client.shutdown()
        try await proxy.channel.close()
    }

    @Test("A proxy that wants a login is said to by requests too, and what was to be changed is not said to be unknown")
    func requestNeedsLogin() async throws {
        let answer = "HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n"
        let proxy = try await TestProxy(.http(nil), to: 1, answer: answer)
        var connection = ClusterConnection(server: ServerAddress(host: "k.invalid", port: 6443, isTLS: true))
        connection.proxy = proxy.server(.http(nil))
        let client = try KubernetesClient(connection)
        let error = await #expect(throws: KubernetesError.self) {
            try await client.resources(.services).patch("a", .merge([:]))
        }
        #expect(
            error?.message
                == "the API server \(connection.serverDescription) cannot be reached: the proxy asks for a login (407): "
                + "put one into the URL, http://user:password@host:port"
        )
        try await client.shutdown()
        try await proxy.channel.close()
    }

    @Test("A name that is expected is not made up for by the address of the other end")
    func addressForName() async throws {
        let error = await #expect(throws: KubernetesError.self) {
            _ = try await self.visit(certificateFor: "127.0.0.1") { $0.tlsServerName = "kube.test" }
        }
        #expect(error?.message.contains("its certificate is for another name") == true, "\(error?.message ?? "")")
    }

    @Test(
        "A pattern in a certificate stands for one label",
        arguments: [
            ("*.kube.test", "a.kube.test", true), ("*.kube.test", "a.b.kube.test", false),
            ("*.kube.test", "kube.test", false), ("KUBE.test", "kube.TEST", true),
        ]
    )
    func patterns(pattern: String, name: String, fits: Bool) async throws {
        do {
            _ = try await self.visit(certificateFor: pattern) { $0.tlsServerName = name }
            #expect(fits)
        } catch let error as KubernetesError {
            #expect(!fits && error.message.contains("its certificate is for another name"), "\(error.message)")
        }
    }

    @Test(
        "A proxy that is not there is named by requests and port-forwards",
        arguments: [ProxyServer.Kind.http(nil), .socks5]
    )
    func absentProxy(kind: ProxyServer.Kind) async throws {
        // Not one that was just given back: the next test may have it.
        let gone = ProxyServer(kind: kind, host: "127.0.0.1", port: 1)
        let address = ServerAddress(host: "k.invalid", port: 6443, isTLS: true)
        let transport = try LiveTransport(ClusterConnection(server: address, proxy: gone))
        let request = await #expect(throws: KubernetesError.self) { _ = try await transport.send(.version) }
        #expect(
            request?.message
                == "the API server https://k.invalid:6443 through the proxy \(gone) cannot be reached: connection refused; "
                + "is it running, and is it the right one (--context, --kubeconfig)?"
        )
        let forward = await #expect(throws: KubernetesError.self) {
            _ = try await transport.upgrade(
                .portForward(pod: "p", in: "n", port: 1),
                subprotocol: "v4.channel.k8s.io",
                on: nil,
                configure: { _ in }
            )
        }
        #expect(forward?.message == request?.message)
        try await transport.shutdown()
    }
}
