import ClusterTestSupport
import Foundation
import KubernetesModel

/// What is measured: read before anything is, and compared with what is there after a batch.
struct Build: Sendable, Hashable {
    /// The last commit that changed what is measured or what measures, and whether there are changes to it.
    var commit: String
    /// The beginning of the SHA-256 of the command.
    var binary: String
    /// The digest of the image that the command makes of itself.
    var image: String
    /// The digest of the image of that name on the node; nil where the node does not tell.
    var nodeImage: String?

    /// Reads it.
    ///
    /// - Parameter asksNode: whether there is a cluster.
    static func read(asksNode: Bool) async throws -> Build {
        let git = ["git", "-C", "/\(Shell.root)"]
        let measured = ["--", "Sources", "Tests", "demo", "scripts", "Package.swift", "Package.resolved"]
        let last = try await Machine.must(git + ["log", "-1", "--format=%H"] + measured)
        let changes = try await Machine.must(git + ["status", "--porcelain"] + measured)
        let file = FileManager.default.temporaryDirectory.appending(path: "image-\(UUID().uuidString).tar").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let saved = try await Shell.run(Cluster.detour, "image", "save", file)
        // Standard output has no tag.
        guard saved.status == 0, let match = saved.errors.firstMatch(of: #/wrote (\S+) \((sha256:[0-9a-f]+)\)/#) else {
            throw Trouble("\(Cluster.detour) image save does not tell the image's digest: \(saved)")
        }
        let nodes =
            asksNode ? try JSONValue(parsing: try await Cluster.kubectl("get", "nodes", "-o", "json")) : JSONValue.null
        return Build(
            commit: last + (changes.isEmpty ? "" : " and changes"),
            binary: String(try await Machine.must(["sha256sum", Cluster.detour]).prefix(12)),
            image: String(match.2),
            nodeImage: Self.digest(of: String(match.1), on: nodes)
        )
    }

    /// The digest of an image, as the nodes tell it.
    static func digest(of name: String, on nodes: JSONValue) -> String? {
        let images = (nodes["items"]?.array ?? []).flatMap { $0[path: "status", "images"]?.array ?? [] }
            .map { ($0["names"]?.array ?? []).compactMap(\.string) }
        let repository = name.split(separator: ":")[0] + "@"
        return images.first { $0.contains(name) }?.first { $0.hasPrefix(repository) }
            .map { String($0.dropFirst(repository.count)) }
    }

    /// What of it a batch has.
    var members: [String: JSONValue] {
        var members: [String: JSONValue] = [
            "commit": .string(self.commit), "binary": .string(self.binary), "image": .string(self.image),
        ]
        members["node_image"] = self.nodeImage.map { .string($0) }
        return members
    }

    /// What is wrong with a batch that was made by this build, where another was there in the end. The node's image is looked at
    /// in the end only: a kubelet tells of a new one a minute late.
    func problems(atEnd end: Build) -> [String] {
        var problems: [String] = []
        if end.commit != self.commit {
            problems.append("the sources changed meanwhile: \(self.commit) → \(end.commit)")
        }
        if end.binary != self.binary {
            problems.append("the command changed meanwhile: \(self.binary) → \(end.binary)")
        }
        if let other = end.nodeImage, other != self.image {
            problems.append("the node's image \(other) is not the command's, \(self.image): make image, load it")
        }
        return problems
    }
}
