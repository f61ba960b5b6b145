extension FieldList {
    /// Whether the fields are those of a request that every server reads alike; RFC 9113 sections 8.2 and 8.3.
    ///
    /// CONNECT is none: what follows it is no body.
    public var isPlainRequest: Bool {
        var pseudo: Set<[UInt8]> = []
        var isRegular = false
        var isSound = true
        var lengths = 0
        self.forEach { name, value in
            if name.first == UInt8(ascii: ":") {
                isSound =
                    !isRegular && Self.requestPseudoFields.contains(Array(name)) && !value.isEmpty
                    && pseudo.insert(Array(name)).inserted && !(name.matches(":method") && value.matches("CONNECT"))
            } else {
                isRegular = true
                isSound = Self.isFieldName(name) && !Self.concernsConnection(name, value)
                if name.matches("content-length") {
                    lengths += 1
                    isSound =
                        isSound && lengths == 1 && !value.isEmpty
                        && value.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                }
            }
            isSound = isSound && !value.contains { $0 == 0 || $0 == 0x0a || $0 == 0x0d }
            return isSound
        }
        // All but the authority must be there.
        return isSound && pseudo.union([Array(":authority".utf8)]).count == Self.requestPseudoFields.count
    }

    private static let requestPseudoFields: Set<[UInt8]> = Set(
        [":method", ":scheme", ":path", ":authority"].map { Array($0.utf8) }
    )

    private static func isFieldName(_ name: UnsafeRawBufferPointer) -> Bool {
        !name.isEmpty
            && name.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
                    UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
                    UInt8(ascii: "~"):
                    true
                default: false
                }
            }
    }

    /// Fields that speak of an HTTP/1 connection have no place here; who translated them would frame the body by them.
    private static func concernsConnection(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        name.matches("connection") || name.matches("transfer-encoding") || name.matches("upgrade")
            || name.matches("keep-alive") || name.matches("proxy-connection")
            || (name.matches("te") && !value.matches("trailers"))
    }
}
