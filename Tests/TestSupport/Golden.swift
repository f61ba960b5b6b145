import Foundation
public import Testing

/// Compares text with a recorded file; `RECORD_GOLDENS=1` writes the file instead.
///
/// - Parameters:
///   - actual: what the program printed now.
///   - name: the file's name inside the `Goldens` folder beside the calling test file.
///   - path: the calling test file.
///   - location: where a difference is reported.
public func expectGolden(
    _ actual: String,
    _ name: String,
    path: String = #filePath,
    location: SourceLocation = #_sourceLocation
) throws {
    let file = URL(filePath: path).deletingLastPathComponent().appending(path: "Goldens/\(name)")
    if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(actual.utf8).write(to: file)
        return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(actual == expected, "differs from Goldens/\(name)", sourceLocation: location)
}
