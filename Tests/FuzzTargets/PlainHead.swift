import HTTPWire

/// A head cut into its lines in the plainest way there is: what the scanner took for one must read the same here.
struct PlainHead {
    /// The first line.
    let start: [UInt8]
    /// The others: a name in lower case, and a value without the blanks around it.
    let fields: [(name: String, value: [UInt8])]

    /// The lines of a head that was taken; its empty line is the last.
    init(_ head: [UInt8]) throws {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < head.count {
            let byte = head[index]
            index += 1
            guard byte == 0x0d else {
                try require(byte >= 0x20 && byte != 0x7f || byte == 9, "a control character passed")
                lines[lines.count - 1].append(byte)
                continue
            }
            try require(index < head.count && head[index] == 0x0a, "a bare CR passed")
            index += 1
            lines.append([])
        }
        try require(lines.count >= 3 && lines.suffix(2).allSatisfy(\.isEmpty), "a head ends with an empty line")
        self.start = lines[0]
        self.fields = try lines.dropFirst().dropLast(2).map { line in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
                throw Broken(description: "a line without a name passed")
            }
            let isName = line[..<colon].allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
            try require(isName, "a name that is no token passed")
            var value = line[(colon + 1)...]
            while let byte = value.first, byte == 0x20 || byte == 9 { value.removeFirst() }
            while let byte = value.last, byte == 0x20 || byte == 9 { value.removeLast() }
            return (String(decoding: line[..<colon], as: UTF8.self).lowercased(), Array(value))
        }
    }

    /// The values of the fields of a name.
    func values(_ name: String) -> [[UInt8]] {
        self.fields.filter { $0.name == name }.map(\.value)
    }

    /// Whether the body ends where these lines say, and they say it once.
    func checkFraming(_ flags: FieldFlags, _ length: Int64) throws {
        let lengths = self.values("content-length")
        let encodings = self.values("transfer-encoding")
        try require(lengths.count + encodings.count <= 1, "two fields about the body's length passed")
        try require(flags.contains(.length) == !lengths.isEmpty, "the flag of a length, and the length")
        try require(flags.contains(.chunked) == !encodings.isEmpty, "the flag of chunks, and the encoding")
        if let text = lengths.first {
            try require(text.allSatisfy { (0x30...0x39).contains($0) }, "a length that is no number passed")
            try require(Int64(String(decoding: text, as: UTF8.self)) == length, "the length is \(length)")
        } else {
            try require(length == 0, "a length from nowhere")
        }
        if let text = encodings.first {
            try require(String(decoding: text, as: UTF8.self).lowercased() == "chunked", "an encoding passed")
        }
    }

    /// Whether a cursor finds the same lines.
    func checkCursor(_ cursor: inout FieldCursor, _ view: ByteView) throws {
        for field in self.fields {
            guard let found = cursor.next(in: view) else { throw Broken(description: "the cursor ends too early") }
            let name = String(decoding: view.bytes(found.name), as: UTF8.self).lowercased()
            try require(name == field.name, "the cursor is at \(name), not at \(field.name)")
            var value = Array(view.bytes(found.value))[...]
            while let byte = value.first, byte == 0x20 || byte == 9 { value.removeFirst() }
            while let byte = value.last, byte == 0x20 || byte == 9 { value.removeLast() }
            try require(value.elementsEqual(field.value), "the cursor has another value of \(name)")
        }
        try require(cursor.next(in: view) == nil, "the cursor goes on behind the last line")
    }
}
