/// The little of RFC 3986 that the distribution protocol needs: splitting off the origin, resolving `Location`, queries.
struct RegistryURL: Equatable, Sendable {
    /// Scheme and authority, such as `https://registry.example:5000`.
    var origin: String
    /// The path, with its query where it has one.
    var path: String

    /// The whole address.
    var text: String { self.origin + self.path }

    init(origin: String, path: String) {
        self.origin = origin
        self.path = path
    }

    /// Reads an absolute `http` or `https` address; nil for anything else, and for one with a user in it.
    init?(parsing text: String) {
        guard let separator = text.firstIndex(of: ":"), text[separator...].hasPrefix("://"),
            ["http", "https"].contains(text[..<separator].lowercased())
        else { return nil }
        let start = text.index(separator, offsetBy: 3)
        let end = text[start...].firstIndex { "/?#".contains($0) } ?? text.endIndex
        guard start < end, !text[start..<end].contains("@") else { return nil }
        self.origin = text[..<end].lowercased()
        let path = String(text[end...].prefix { $0 != "#" })
        self.path = path.hasPrefix("/") ? path : "/\(path)"
    }

    /// What a `Location` header means when it came from this address.
    func resolving(_ location: String) -> RegistryURL? {
        if location.hasPrefix("/"), !location.hasPrefix("//") {
            return RegistryURL(origin: self.origin, path: location)
        }
        return RegistryURL(parsing: location)
    }

    /// The address with one more item in its query.
    func adding(_ name: String, _ value: String) -> RegistryURL {
        let separator = self.path.contains("?") ? "&" : "?"
        return RegistryURL(origin: self.origin, path: "\(self.path)\(separator)\(name)=\(Self.encoded(value))")
    }

    private static func encoded(_ value: String) -> String {
        var result: [UInt8] = []
        for byte in value.utf8 {
            let character = Unicode.Scalar(byte)
            if character.isASCII,
                character.properties.isAlphabetic || character.properties.numericType != nil
                    || "-._~".unicodeScalars.contains(character)
            {
                result.append(byte)
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                result += Array("%\(hex.count == 1 ? "0" : "")\(hex)".utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
