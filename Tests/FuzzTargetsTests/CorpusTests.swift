import Foundation
import FuzzTargets
import Testing

/// Every input that is kept, run once more without libFuzzer; what takes long for its size is a finding too.
@Suite("Fuzz targets", .timeLimit(.minutes(5)))
struct CorpusTests {
    private static let corpora = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz/Corpora")

    private static func inputs(_ folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { !$0.lastPathComponent.hasPrefix(".") }
            .sorted { $0.path < $1.path }
    }

    @Test("hold for every input in their corpus, and for what it begins with", arguments: FuzzTarget.all.map(\.name))
    func corpus(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let inputs = try Self.inputs(Self.corpora.appending(path: name))
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = try Data(contentsOf: input)
            for count in Set([bytes.count, bytes.count / 2, bytes.count / 3]) {
                do {
                    try Array(bytes.prefix(count)).withUnsafeBytes { try target.run($0) }
                } catch {
                    Issue.record("\(input.path), the first \(count) bytes: \(error)")
                }
            }
        }
    }

    @Test("have a folder each, and no folder is without one")
    func folders() throws {
        let folders = try Self.inputs(Self.corpora).map(\.lastPathComponent)
        #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
    }
}
