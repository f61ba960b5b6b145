import KubernetesModel
import Yams

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The kubeconfig files of a command, merged: of two entries with one name the first wins.
struct Kubeconfig {
    /// An entry, and the file it is from.
    struct Entry<Value> {
        var value: Value
        var file: String
        /// Where its relative paths start.
        var folder: String { LocalFile.folder(of: self.file) }
    }

    var currentContext: String?
    var clusters: [String: Entry<KubeconfigFile.Cluster>] = [:]
    var users: [String: Entry<KubeconfigFile.User>] = [:]
    var contexts: [String: KubeconfigFile.Context] = [:]
    /// The files that were read, for messages.
    var files: [String] = []

    init() {}

    /// Reads and merges files.
    ///
    /// - Parameters:
    ///   - paths: the files, the most important one first.
    ///   - mayBeAbsent: whether files that do not exist are skipped, as those of a `KUBECONFIG` list are.
    init(files paths: [String], mayBeAbsent: Bool) throws {
        for path in paths {
            let text: String
            do {
                text = String(decoding: try LocalFile.read(path), as: UTF8.self)
            } catch let error as KubernetesError {
                if mayBeAbsent, error.isNotFound { continue }
                throw KubernetesError(.configuration, "kubeconfig: \(error.message)", cause: error.cause)
            }
            try self.merge(text, path: path)
        }
    }

    /// Adds a file's entries behind those already there.
    mutating func merge(_ text: String, path: String) throws {
        let file: KubeconfigFile
        do {
            file = try KubeconfigFile(parsing: text)
        } catch {
            throw KubernetesError(
                .configuration,
                "\(path) is not a kubeconfig: \(Self.describe(error))",
                cause: error
            )
        }
        self.files.append(path)
        if let current = file.currentContext, !current.isEmpty { self.currentContext = self.currentContext ?? current }
        try self.add(file.clusters, "clusters", path) { config, name, cluster in
            config.clusters[name] = config.clusters[name] ?? Entry(value: cluster, file: path)
        }
        try self.add(file.users, "users", path) { config, name, user in
            config.users[name] = config.users[name] ?? Entry(value: user, file: path)
        }
        try self.add(file.contexts, "contexts", path) { config, name, context in
            config.contexts[name] = config.contexts[name] ?? context
        }
    }

    private mutating func add<Value>(
        _ entries: [KubeconfigFile.Named<Value>]?,
        _ list: String,
        _ path: String,
        one: (inout Kubeconfig, String, Value) -> Void
    ) throws {
        var names: Set<String> = []
        for entry in entries ?? [] {
            guard let name = entry.name else {
                throw KubernetesError(.configuration, "\(path): an entry of \"\(list)\" has no name")
            }
            guard names.insert(name).inserted else {
                throw KubernetesError(
                    .configuration,
                    "\(path): two entries of \"\(list)\" are named \"\(name)\": rename or remove one"
                )
            }
            if let value = entry.value { one(&self, name, value) }
        }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as YamlError: Self.describe(error)
        case DecodingError.dataCorrupted(let context) where context.underlyingError is YamlError:
            context.underlyingError.map { Self.describe($0) } ?? ""
        case DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context),
            DecodingError.valueNotFound(_, let context), DecodingError.keyNotFound(_, let context):
            (context.codingPath.map { $0.stringValue }.joined(separator: ".") + ": " + context.debugDescription)
                .replacing("\n", with: " ")
        default: "\(error)"
        }
    }

    /// The library's own description quotes the line, and that line may be a token.
    private static func describe(_ error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line): \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            "the key \(keys.map { "\"\($0)\"" }.joined(separator: ", ")) stands there twice"
                + " (line \(context.mark.line)): remove one"
        case .reader(let problem, _, _, _): problem
        default: "it is not YAML"
        }
    }
}
