import Foundation

/// A folder with kubeconfigs, plugins and tokens for the real API server.
public final class ConnectionFolder: Sendable {
    private let url: URL
    /// The API server as it is reached from this machine, `https://127.0.0.1:PORT`.
    public let server: String
    /// The API server as it is reached from the node, `https://ADDRESS:PORT`.
    public let serverOnNode: String
    /// Who signed its certificate, in base64.
    public let authority: String
    /// An administrator's token.
    public let token: String

    /// Makes one, from the token and the server that `scripts/cluster` tells.
    public init() async throws {
        let known = try String(
            contentsOfFile: try await Shell.must(Cluster.script, "kubeconfig", "--token"),
            encoding: .utf8
        )
        guard let server = known.firstMatch(of: #/server: (https://\S+)/#),
            let authority = known.firstMatch(of: #/certificate-authority-data: (\S+)/#),
            let token = known.firstMatch(of: #/token: ([^\s}]+)/#)
        else { throw ShellFailure(description: "no server, authority or token in the kubeconfig with a token") }
        self.server = String(server.1)
        self.authority = String(authority.1)
        self.token = String(token.1)
        self.serverOnNode = try await Cluster.kubectl(
            "get",
            "endpoints",
            "kubernetes",
            "-o",
            "jsonpath=https://{.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}"
        )
        self.url = FileManager.default.temporaryDirectory.appending(path: "connection-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    /// Where a file is.
    public func path(_ name: String) -> String { self.url.appending(path: name).path() }

    /// A file's text; empty when there is none.
    public func read(_ name: String) -> String { (try? String(contentsOfFile: self.path(name), encoding: .utf8)) ?? "" }

    /// Puts a file in place of what there was, at once.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: self.url.appending(path: name), options: .atomic)
        return self.path(name)
    }

    /// The cluster `real`, with more lines of it.
    public func cluster(_ server: String, trusting authority: String? = nil, _ more: String...) -> String {
        let trust =
            authority.map { $0.isEmpty ? [] : ["certificate-authority-data: \($0)"] }
            ?? ["certificate-authority-data: \(self.authority)"]
        return "clusters:\n- name: real\n  cluster:\n" + Self.lines(["server: \(server)"] + trust + more)
    }

    /// The user `dev`, by its lines.
    public func user(_ lines: String...) -> String { "users:\n- name: dev\n  user:\n" + Self.lines(lines) }

    private static func lines(_ lines: [String]) -> String { lines.map { "    \($0)\n" }.joined() }

    /// Writes a kubeconfig of these parts with the one context there is.
    @discardableResult
    public func kubeconfig(_ name: String, _ parts: String...) throws -> String {
        let context = "contexts:\n- name: way\n  context: {cluster: real, user: dev}\ncurrent-context: way\n"
        return try self.write(name, "apiVersion: v1\nkind: Config\n" + parts.joined() + context)
    }

    /// Writes a plugin that answers with the token in a file beside it, counts its runs in `runs-NAME` and keeps in `info-NAME`
    /// what it was told.
    ///
    /// - Parameters:
    ///   - version: of client.authentication.k8s.io.
    ///   - life: seconds until the answer expires; nil for no end.
    public func plugin(_ name: String, _ version: String, life: Int? = nil, token file: String) throws -> String {
        let expiry =
            life.map { #","expirationTimestamp":"'$(date -u -d '+\#($0) seconds' +%Y-%m-%dT%H:%M:%SZ)'""# } ?? ""
        let path = try self.write(
            name,
            """
            #!/bin/sh
            cd "$(dirname "$0")"
            echo x >>runs-\(name)
            printf %s "$KUBERNETES_EXEC_INFO" >info-\(name)
            echo '{"apiVersion":"client.authentication.k8s.io/\(version)","kind":"ExecCredential",\
            "status":{"token":"'$(cat \(file))'"\(expiry)}}'

            """
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        return path
    }

    /// How often a plugin has run.
    public func runs(_ name: String) -> Int { self.read("runs-\(name)").split(separator: "\n").count }

    /// Takes everything away.
    public func remove() { try? FileManager.default.removeItem(at: self.url) }
}
