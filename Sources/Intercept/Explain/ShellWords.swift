/// Splits a command line as a POSIX shell does, as far as "copy as cURL" of browsers needs it.
///
/// Quotes, backslashes and `$'…'` are understood; expansions are not, and refused.
public enum ShellWords {
    /// The words of `line`.
    ///
    /// - Throws: ``InterceptError`` with code `badArgument`.
    public static func split(_ line: String) throws -> [String] {
        var words: [String] = []
        var word: String?
        var rest = line.unicodeScalars[...]
        func wrong(_ what: String) -> InterceptError {
            InterceptError(.badArgument, "the command line cannot be read: \(what)")
        }
        while let scalar = rest.popFirst() {
            switch scalar {
            case " ", "\t", "\n", "\r":
                if let whole = word { words.append(whole) }
                word = nil
            case "'":
                guard let end = rest.firstIndex(of: "'") else { throw wrong("a ' is not closed") }
                word = (word ?? "") + String(rest[..<end])
                rest = rest[rest.index(after: end)...]
            case "\"":
                word = (word ?? "") + (try Self.doubleQuoted(&rest, wrong))
            case "\\":
                guard let next = rest.popFirst() else { throw wrong("it ends with a backslash") }
                if next == "\r", rest.first == "\n" {
                    rest.removeFirst()
                } else if next != "\n" {
                    word = (word ?? "") + String(next)
                }
            case "$" where rest.first == "'":
                rest.removeFirst()
                word = (word ?? "") + (try Self.dollarQuoted(&rest, wrong))
            case "$", "`", "|", ";", "&", "<", ">", "(", ")":
                throw wrong("'\(scalar)' is for a shell; give the plain curl command")
            default: word = (word ?? "") + String(scalar)
            }
        }
        if let word { words.append(word) }
        return words
    }

    private static func doubleQuoted(
        _ rest: inout Substring.UnicodeScalarView,
        _ wrong: (String) -> InterceptError
    ) throws -> String {
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return String(text)
            case "$", "`": throw wrong("'\(scalar)' in double quotes is for a shell")
            case "\\":
                guard let next = rest.popFirst() else { break }
                if next == "\n" { continue }
                if !["\"", "\\", "$", "`"].contains(next) { text.append("\\") }
                text.append(next)
            default: text.append(scalar)
            }
        }
        throw wrong("a \" is not closed")
    }

    private static func dollarQuoted(
        _ rest: inout Substring.UnicodeScalarView,
        _ wrong: (String) -> InterceptError
    ) throws -> String {
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "'": return String(text)
            case "\\":
                guard let next = rest.popFirst() else { break }
                switch next {
                case "n": text.append("\n")
                case "r": text.append("\r")
                case "t": text.append("\t")
                case "u":
                    let digits = String(rest.prefix(4))
                    guard digits.unicodeScalars.count == 4, let code = UInt32(digits, radix: 16),
                        let character = Unicode.Scalar(code)
                    else { throw wrong("\\u takes four hex digits") }
                    rest.removeFirst(4)
                    text.append(character)
                default: text.append(next)
                }
            default: text.append(scalar)
            }
        }
        throw wrong("a $' is not closed")
    }
}
