/// One challenge of a `WWW-Authenticate` header (RFC 9110 11.6.1).
struct RegistryChallenge: Equatable, Sendable {
    /// The scheme in lower case: `bearer`, `basic`.
    var scheme: String
    /// The parameters, their names in lower case.
    var parameters: [String: String] = [:]

    /// All challenges of a header's value; what cannot be read ends the list.
    static func parse(_ value: String) -> [RegistryChallenge] {
        var challenges: [RegistryChallenge] = []
        var scanner = Scanner(bytes: Array(value.utf8))
        while true {
            scanner.skip { $0 == UInt8(ascii: ",") || isBlank($0) }
            let word = scanner.token()
            guard !word.isEmpty else { return challenges }
            scanner.skip(isBlank)
            if scanner.take(UInt8(ascii: "=")) {
                scanner.skip(isBlank)
                guard !challenges.isEmpty, let parameter = scanner.value() else { return challenges }
                challenges[challenges.count - 1].parameters[word.lowercased()] = parameter
            } else {
                challenges.append(RegistryChallenge(scheme: word.lowercased()))
            }
        }
    }

    private struct Scanner {
        var bytes: [UInt8]
        var position = 0

        mutating func skip(_ condition: (UInt8) -> Bool) {
            while self.position < self.bytes.count, condition(self.bytes[self.position]) { self.position += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard self.position < self.bytes.count, self.bytes[self.position] == byte else { return false }
            self.position += 1
            return true
        }

        mutating func token() -> String {
            let start = self.position
            self.skip { !isBlank($0) && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"") }
            return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        }

        /// A token or a quoted string; nil when the quote is never closed.
        mutating func value() -> String? {
            guard self.take(UInt8(ascii: "\"")) else { return self.token() }
            var text: [UInt8] = []
            while self.position < self.bytes.count {
                if self.take(UInt8(ascii: "\"")) { return String(decoding: text, as: UTF8.self) }
                if self.take(UInt8(ascii: "\\")), self.position == self.bytes.count { return nil }
                text.append(self.bytes[self.position])
                self.position += 1
            }
            return nil
        }
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
