import ClusterTestSupport
import Foundation

/// What was written and shown somewhere, to be looked through for what must be in none of it.
struct Evidence: Sendable {
    /// A text, and where it was found.
    struct Exhibit: Sendable {
        var place: String
        var text: String
    }

    private(set) var exhibits: [Exhibit] = []

    mutating func add(_ place: String, _ text: String) { self.exhibits.append(Exhibit(place: place, text: text)) }

    mutating func add(_ place: String, _ result: ShellResult) {
        self.add("\(place), standard output", result.output)
        self.add("\(place), standard error", result.errors)
    }

    mutating func add(_ place: String, _ process: RunningProcess) {
        self.add("\(place), standard output", process.output)
        self.add("\(place), standard error", process.errors)
    }

    /// Arguments and variables of a process, as proc(5) shows them to others; nothing of one that is gone.
    mutating func add(_ place: String, process pid: Int32) {
        for file in ["cmdline", "environ"] {
            let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(file)") ?? Data()
            self.add("\(place), \(file)", String(decoding: data, as: UTF8.self).replacing("\0", with: "\n"))
        }
    }

    /// All that is known of a place.
    func text(of place: String) -> String {
        self.exhibits.filter { $0.place.hasPrefix(place) }.map(\.text).joined(separator: "\n")
    }

    /// Where any of these is, as it is or in base64 or hexadecimal digits.
    ///
    /// - Parameter secrets: what is looked for, by a name that may be told.
    func places(of secrets: [String: String]) -> [String] {
        secrets.sorted { $0.key < $1.key }.flatMap { name, secret in
            Self.forms(of: secret).flatMap { form in
                self.exhibits.filter { $0.text.contains(form) }.map { "\(name) in \($0.place)" }
            }
        }
    }

    private static func forms(of secret: String) -> [String] {
        let bytes = Array(secret.utf8)
        // In the middle of something else it may begin at any of three bytes, and its ends then mix with what is beside them.
        let encoded = (0..<3).map { shift in
            let whole = Array(bytes.dropFirst(shift))
            return Data(whole.prefix(whole.count / 3 * 3)).base64EncodedString()
        }
        return [secret, bytes.map { String(format: "%02x", $0) }.joined()] + encoded
    }

    /// What looks like a private key, in PEM, or one of P-256 in base64 or hexadecimal digits (RFC 5915, RFC 5208).
    var privateKeys: [String] {
        let marks = [
            "PRIVATE KEY", "MHcCAQEE", "MIGHAgEAMBMGByqGSM49", "30770201010420", "308187020100301306072a8648ce3d0201",
        ]
        return self.exhibits.filter { exhibit in marks.contains { exhibit.text.contains($0) } }.map(\.place)
    }
}
