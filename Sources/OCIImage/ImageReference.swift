/// The name of an image: registry, repository, and a tag or a digest or both.
///
/// Names are normalised as Docker and containerd do, so that `detour:dev` and `docker.io/library/detour:dev` are equal:
/// the first component is a registry only if it has a dot, a colon or a capital, or is `localhost`.
public struct ImageReference: Hashable, Sendable {
    /// The registry's host and, where given, its port: `docker.io` when the name had none.
    public var registry: String
    /// The path of the repository inside the registry.
    public var repository: String
    /// The tag; nil only where a digest stands alone.
    public var tag: String?
    /// The digest the name pins.
    public var digest: ImageDigest?

    /// Reads a name as typed; without tag and digest the tag is `latest`.
    ///
    /// - Throws: ``ImageError`` with code `invalidReference`, naming the part that is wrong.
    public init(parsing text: String) throws(ImageError) {
        func refuse(_ reason: String) -> ImageError {
            ImageError(
                .invalidReference,
                "\"\(printable(text))\" is no image name: \(reason); write it as registry/name:tag"
            )
        }
        guard !text.isEmpty else { throw refuse("it is empty") }
        guard text.utf8.count <= 512 else { throw refuse("it is longer than 512 characters") }
        guard !text.contains("://") else { throw refuse("it starts with a URL scheme") }

        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            guard let digest = ImageDigest(parsing: rest[rest.index(after: at)...]) else {
                throw refuse("after @ comes sha256: and 64 lower-case hex digits")
            }
            self.digest = digest
            rest = rest[..<at]
        }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/"), !rest.hasSuffix("]") {
            let tag = rest[rest.index(after: colon)...]
            guard Self.isTag(tag) else { throw refuse("the tag \"\(printable(tag))\" is not allowed") }
            self.tag = String(tag)
            rest = rest[..<colon]
        }
        if self.tag == nil, self.digest == nil { self.tag = "latest" }

        if let slash = rest.firstIndex(of: "/"), Self.namesRegistry(rest[..<slash]) {
            guard Self.isHost(rest[..<slash]) else {
                throw refuse("the registry \"\(printable(rest[..<slash]))\" is not host or host:port")
            }
            self.registry = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        } else {
            self.registry = Self.dockerHub
        }
        if self.registry == "index.docker.io" { self.registry = Self.dockerHub }
        let components = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy(Self.isPathComponent) else {
            throw refuse(
                rest.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
                    ? "the name has capital letters" : "the name \"\(printable(rest))\" is not allowed"
            )
        }
        let official = self.registry == Self.dockerHub && components.count == 1
        self.repository = official ? "library/\(rest)" : String(rest)
    }

    static let dockerHub = "docker.io"
}

extension ImageReference: CustomStringConvertible {
    /// The whole normalised name, as containerd stores it.
    public var description: String {
        "\(self.registry)/\(self.repository)" + (self.tag.map { ":\($0)" } ?? "") + (self.digest.map { "@\($0)" } ?? "")
    }

    /// The name without tag and digest.
    public var name: String { "\(self.registry)/\(self.repository)" }

    /// The same repository with a digest in place of the tag: what a Pod should name.
    public func pinned(to digest: ImageDigest) -> ImageReference {
        var reference = self
        reference.tag = nil
        reference.digest = digest
        return reference
    }

    /// Whether the registry is this machine's own, where plain HTTP is customary.
    public var isLoopback: Bool {
        ["localhost", "127.0.0.1", "[::1]"].contains { self.registry == $0 || self.registry.hasPrefix("\($0):") }
    }
}

// The grammar, by bytes: a regular expression would accept what Unicode calls a digit or a letter.
extension ImageReference {
    private static func namesRegistry(_ part: Substring) -> Bool {
        part == "localhost"
            || part.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || isUppercase($0) }
    }

    private static func isHost(_ part: Substring) -> Bool {
        var host = part
        if let colon = part.lastIndex(of: ":"), !part.hasSuffix("]") {
            guard let port = UInt16(part[part.index(after: colon)...]), port > 0 else { return false }
            host = part[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]"), host.utf8.count > 2 {
            return host.dropFirst().dropLast().utf8.allSatisfy { $0 == UInt8(ascii: ":") || isHex($0) }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isTag(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, part.utf8.count <= 128 else { return false }
        return (isAlphanumeric(first) || first == UInt8(ascii: "_"))
            && part.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    /// Runs of lower-case letters and digits, joined by one dot, one or two underscores, or any number of dashes.
    private static func isPathComponent(_ part: Substring) -> Bool {
        var separator = ""
        var previous: UInt8?
        for byte in part.utf8 {
            if isAlphanumeric(byte), !isUppercase(byte) {
                guard ["", ".", "_", "__"].contains(separator) || separator.allSatisfy({ $0 == "-" }) else {
                    return false
                }
                separator = ""
            } else {
                guard previous != nil, "._-".utf8.contains(byte) else { return false }
                separator.unicodeScalars.append(Unicode.Scalar(byte))
            }
            previous = byte
        }
        return previous != nil && separator.isEmpty
    }
}

private func isUppercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || isUppercase(byte)
}

private func isHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
}

/// The text with control characters replaced, for error messages that end up on a terminal.
func printable(_ text: some StringProtocol) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.prefix(256).map { $0.properties.generalCategory == .control ? "?" : $0 }
        )
    )
}
