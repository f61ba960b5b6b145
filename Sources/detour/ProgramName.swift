import Foundation

/// The name this program was started by: `detour`, or `czctl`, the documented one of old.
enum ProgramName {
    /// The name that was typed.
    static let typed = Self.of(CommandLine.arguments.first)

    /// The name in the first word of a command line, by its last path component.
    static func of(_ word: String?) -> String {
        word.map { URL(filePath: $0).lastPathComponent } == "czctl" ? "czctl" : "detour"
    }

    /// A message with the commands and flags in it as this user types them. What lies below the command line knows one name of
    /// each only.
    static func spoken(_ text: String, as name: String = typed) -> String {
        guard name != "detour" else { return text }
        return text.replacing(#/--tls-secret\b/#, with: "--tlsSecretName").replacing(
            #/\bdetour (intercept|session|image|serve|doctor|explain|install)\b/#
        ) { match in
            "\(name) \(match.1)"
        }
    }
}
