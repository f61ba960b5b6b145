import KubernetesModel

extension HTTPResponse {
    /// In what this answer differs from the original's: status, fields by name, body.
    ///
    /// Fields are compared by name without case; the values of one name in their order, different names in any. A body
    /// that is gzip or deflate is compared by what it holds. JSON is compared by structure, the order of an object's
    /// members meaning nothing; anything else by its bytes.
    public func differences(from original: HTTPResponse, ignoring rules: IgnoreRules) -> [ResponseDifference] {
        var found: [ResponseDifference] = []
        if self.status != original.status { found.append(.status(original: original.status, local: self.status)) }
        let names = Set((self.fields + original.fields).map { $0.name.lowercased() }).subtracting(rules.headers)
        for name in names.sorted() {
            let (before, after) = (original.fields(of: name), self.fields(of: name))
            if before.map(\.bytes) != after.map(\.bytes) {
                found.append(.header(name, original: before.map(\.shown), local: after.map(\.shown)))
            }
        }
        return found + (rules.body ? [] : self.bodyDifferences(from: original, ignoring: rules))
    }

    private func bodyDifferences(from original: HTTPResponse, ignoring rules: IgnoreRules) -> [ResponseDifference] {
        guard self.body != original.body else { return [] }
        var (before, after) = (original.body, self.body)
        // Decoded both or neither: bytes of two codings have nothing to do with each other.
        if let first = original.decodedBody, let second = self.decodedBody { (before, after) = (first, second) }
        guard before != after else { return [] }
        if original.mayBeJSON(before), self.mayBeJSON(after), let old = try? JSONValue(parsing: before),
            let new = try? JSONValue(parsing: after)
        {
            let all = new.differences(from: old)
            let found = all.filter { !rules.ignores(JSONPointer($0.path) ?? JSONPointer([])) }
            // Numbers beyond 64 bits are read as floating-point: equal values may have been different digits. Which of them
            // are in what is ignored cannot be told; of integers, a difference too many is better than one too few.
            let integersOnly = !all.isEmpty
            if !found.isEmpty
                || LongNumbers.of(before, integersOnly: integersOnly)
                    == LongNumbers.of(after, integersOnly: integersOnly)
            {
                return found.map(ResponseDifference.json)
            }
        }
        let offset = zip(before, after).enumerated().first { $1.0 != $1.1 }?.offset ?? min(before.count, after.count)
        return [.body(offset: offset, original: before.count, local: after.count)]
    }

    /// The body without gzip or deflate (RFC 9110 section 8.4.1); nil when it is in another coding, or damaged.
    private var decodedBody: [UInt8]? {
        let codings = self.values(of: "content-encoding")
            .flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            .filter { $0 != "identity" }
        guard let coding = codings.first else { return self.body }
        guard codings.count == 1, ["gzip", "x-gzip", "deflate"].contains(coding) else { return nil }
        return Inflating.inflate(self.body)
    }

    private func mayBeJSON(_ body: [UInt8]) -> Bool {
        let type = self.values(of: "content-type").first?.lowercased().prefix { $0 != ";" && $0 != " " } ?? ""
        if type.hasSuffix("/json") || type.hasSuffix("+json") { return true }
        let first = body.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }
}

/// The numbers of a JSON text that are no 64-bit integers and have more digits than a floating-point value tells apart.
enum LongNumbers {
    /// The numbers as they are written, sorted.
    static func of(_ json: [UInt8], integersOnly: Bool = false) -> [String] {
        var found: [String] = []
        var index = 0
        while index < json.count {
            switch json[index] {
            case UInt8(ascii: "\""):
                index += 1
                while index < json.count, json[index] != UInt8(ascii: "\"") {
                    index += json[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                index += 1
            case let byte where self.isNumeric(byte):
                let number = json[index...].prefix(while: self.isNumeric)
                let text = String(decoding: number, as: UTF8.self)
                let isWanted = !integersOnly || number.allSatisfy { (0x2d...0x39).contains($0) && $0 != 0x2e }
                if number.count > 15, Int64(text) == nil, isWanted { found.append(text) }
                index += number.count
            default: index += 1
            }
        }
        return found.sorted()
    }

    private static func isNumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains(byte)
    }
}
