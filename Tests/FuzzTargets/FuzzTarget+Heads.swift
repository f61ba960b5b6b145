import HTTPWire

/// The scanner of message heads.
extension FuzzTarget {
    /// What came of a scan, as numbers that can be compared.
    enum Outcome: Equatable {
        case incomplete
        case complete([Int])
        case refused
    }

    static let requestHead = FuzzTarget("request-head") { bytes in
        for limit in [64 << 10, 200] {
            let scan = { (scanner: inout HeadScanner, view: ByteView) in Outcome(scanner.scanRequest(view)) }
            try Self.checkCuts(bytes, limit, scan)
        }
        let view = ByteView(bytes)
        var scanner = HeadScanner()
        guard case .complete(let head) = scanner.scanRequest(view) else { return }
        let lines = try PlainHead(Array(bytes.prefix(head.length)))
        let words = lines.start.split(separator: 0x20, omittingEmptySubsequences: false)
        try require(words.count == 3, "a request line has three words")
        try require(words[1].elementsEqual(view.bytes(head.target)), "the target is the second word")
        try require(words[0].elementsEqual(Array(head.method.rawValue.utf8)), "the method is the first word")
        let hosts = lines.values("host").count
        try require(hosts == 1 || (hosts == 0 && head.version == .http10), "one host, not \(hosts)")
        try lines.checkFraming(head.flags, head.contentLength)
        var cursor = FieldCursor(head)
        try lines.checkCursor(&cursor, view)
        try Self.checkEdited(head, view)
    }

    static let responseHead = FuzzTarget("response-head") { bytes in
        for limit in [64 << 10, 200] {
            let scan = { (scanner: inout HeadScanner, view: ByteView) in Outcome(scanner.scanResponse(view)) }
            try Self.checkCuts(bytes, limit, scan)
        }
        let view = ByteView(bytes)
        var scanner = HeadScanner()
        guard case .complete(let head) = scanner.scanResponse(view) else { return }
        let lines = try PlainHead(Array(bytes.prefix(head.length)))
        try require((100...999).contains(head.status), "a status of three digits, not \(head.status)")
        try lines.checkFraming(head.flags, head.contentLength)
        var cursor = FieldCursor(head)
        try lines.checkCursor(&cursor, view)
        for keepsUpgrade in [false, true] {
            var edited: [UInt8] = []
            var kept = FieldCursor(head)
            kept.forEachKept(
                in: view,
                end: head.length,
                keepsUpgrade: keepsUpgrade,
                hasStrangeOptions: head.flags.contains(.strangeOption)
            ) { edited += view.bytes($0) }
            edited += [0x0d, 0x0a]
            let again = edited.withUnsafeBytes { raw -> ResponseHead? in
                var scanner = HeadScanner()
                guard case .complete(let again) = scanner.scanResponse(ByteView(raw)) else { return nil }
                return again
            }
            try require(again?.length == edited.count, "an edited head is one head")
            try require(again?.contentLength == head.contentLength, "an edit does not change the length")
            let framing: FieldFlags = [.chunked, .length]
            try require(
                again?.flags.intersection(framing) == head.flags.intersection(framing),
                "an edit does not change the framing"
            )
            try require(
                again?.flags.contains(.hopByHop) == keepsUpgrade && head.flags.contains(.upgrade)
                    || again?.flags.contains(.hopByHop) == false,
                "no field that is for us is left"
            )
        }
    }

    /// What is said does not depend on how the bytes were cut, nor on what follows the head.
    private static func checkCuts(
        _ bytes: UnsafeRawBufferPointer,
        _ limit: Int,
        _ scan: (inout HeadScanner, ByteView) -> Outcome
    ) throws {
        var whole = HeadScanner(limit: limit)
        let expected = scan(&whole, ByteView(bytes))
        var bytewise = HeadScanner(limit: limit)
        var seen = Outcome.incomplete
        var count = 0
        while count < bytes.count, seen == .incomplete {
            count += 1
            seen = scan(&bytewise, ByteView(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
        }
        if bytes.isEmpty { seen = expected }
        try require(seen == expected, "limit \(limit): at once \(expected), byte by byte \(seen)")
        guard case .complete(let numbers) = seen else { return }
        try require(numbers[0] == count, "a head is complete with its last byte")
        try require(count <= limit, "a head is no longer than the limit")
        var alone = HeadScanner(limit: limit)
        let again = scan(&alone, ByteView(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
        try require(again == seen, "alone \(again), before others \(seen)")
    }

    /// A request without the fields that are for us is the same request.
    private static func checkEdited(_ head: RequestHead, _ view: ByteView) throws {
        var edited: [UInt8] = []
        var cursor = FieldCursor(head)
        cursor.forEachKept(in: view, end: head.length, keepsUpgrade: false, hasStrangeOptions: false) {
            edited += view.bytes($0)
        }
        edited += [0x0d, 0x0a]
        try edited.withUnsafeBytes { raw in
            var scanner = HeadScanner()
            guard case .complete(let again) = scanner.scanRequest(ByteView(raw)) else {
                throw Broken(description: "an edited head is still a head")
            }
            try require(again.length == raw.count, "an edited head is one head")
            try require(again.method == head.method && again.version == head.version, "the same method and version")
            try require(
                ByteView(raw).bytes(again.target).elementsEqual(view.bytes(head.target)),
                "the same target"
            )
            try require(again.contentLength == head.contentLength, "the same length")
            let framing: FieldFlags = [.chunked, .length, .expectContinue]
            try require(again.flags == head.flags.intersection(framing), "only framing is left: \(again.flags)")
            let isAsItCame = !head.flags.contains(.hopByHop)
            try require(!isAsItCame || again.length == head.length, "what has nothing for us goes as it came")
        }
    }
}

extension FuzzTarget.Outcome {
    init(_ verdict: Verdict<RequestHead>) {
        self.init(verdict) { head in
            [
                head.length, head.target.lower, head.target.upper, head.methodRange.upper, head.fieldsStart,
                Int(head.flags.rawValue), Int(head.contentLength), head.version == .http11 ? 11 : 10,
            ]
        }
    }

    init(_ verdict: Verdict<ResponseHead>) {
        self.init(verdict) { head in
            [
                head.length, head.status, head.fieldsStart, Int(head.flags.rawValue), Int(head.contentLength),
                head.version == .http11 ? 11 : 10,
            ]
        }
    }

    private init<Head>(_ verdict: Verdict<Head>, _ numbers: (Head) -> [Int]) {
        switch verdict {
        case .incomplete: self = .incomplete
        case .complete(let head): self = .complete(numbers(head))
        // Which of two reasons comes first may depend on how much has been seen: a fault behind the limit, for one.
        case .notHTTP, .ambiguous, .tooLong: self = .refused
        }
    }
}
