import Foundation

/// Variables as a file: `NAME=value` lines that `sh` reads, and what reads dotenv files.
///
/// A value of letters, digits and `_./:@%+,=-` stands as it is, which `docker --env-file` reads as well; any other one
/// stands in single quotes, line breaks included.
public struct EnvironmentFile: Sendable, Hashable {
    /// The file's contents.
    public let text: String
    /// Names that no shell takes; they are not in the file.
    public let unfit: [String]

    /// A file with the variables, sorted by name.
    public init(_ variables: [String: String]) {
        let names = variables.keys.sorted()
        self.unfit = names.filter { !Self.isName($0) }
        self.text =
            names.filter(Self.isName).map { "\($0)=\(Self.quoted(variables[$0] ?? ""))\n" }.joined()
    }

    private static func isName(_ text: String) -> Bool {
        text.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]*/#) != nil
    }

    private static func quoted(_ value: String) -> String {
        value.wholeMatch(of: #/[A-Za-z0-9_.\/:@%+,=\-]*/#) != nil ? value : "'\(value.replacing("'", with: "'\\''"))'"
    }

    /// Writes the file, readable by its owner only, in one step: a reader sees the old one or the new one.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument`, naming the path and the reason.
    public func write(to path: String) throws {
        // Made anew, so that nobody who holds an older file of this name open can read it.
        let draft = "\(path).\(Random.hex(bytes: 6)).tmp"
        func fail(_ call: String) -> InterceptError {
            let reason = String(cString: strerror(errno))
            unlink(draft)
            return InterceptError(.badArgument, "--env-file \(path): cannot \(call): \(reason)")
        }
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fail("make the file") }
        var bytes = Array(self.text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = fail("write")
                close(descriptor)
                throw error
            }
            bytes = bytes.dropFirst(count)
        }
        close(descriptor)
        guard rename(draft, path) == 0 else { throw fail("put the file in place") }
    }
}
