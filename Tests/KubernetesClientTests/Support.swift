import Foundation

/// A folder that goes away with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "detour-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let url = URL(filePath: self.path).appending(path: name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url.path()
    }

    /// A shell script that can be run.
    func script(_ name: String, _ text: String) throws -> String {
        let path = try self.write(name, "#!/bin/sh\n\(text)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        return path
    }

    /// A file's text; empty when there is none.
    func read(_ name: String) -> String {
        (try? String(contentsOfFile: self.path + "/" + name, encoding: .utf8)) ?? ""
    }
}

/// A kubeconfig with one context `dev`; lines are added to its cluster and user.
func kubeconfig(cluster: String = "", user: String = "token: abc", context: String = "") -> String {
    """
    apiVersion: v1
    kind: Config
    current-context: dev
    clusters:
    - name: c
      cluster:
        server: https://10.0.0.1:6443
        \(cluster)
    users:
    - name: alice
      user:
        \(user)
    contexts:
    - name: dev
      context:
        cluster: c
        user: alice
        \(context)

    """
}
