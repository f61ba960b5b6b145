import HTTPWire

/// A verdict as text, so that tables of them read well.
func requestVerdict(_ text: String, limit: Int = 64 << 10) -> String {
    requestVerdict(Array(text.utf8), limit: limit)
}

func requestVerdict(_ bytes: [UInt8], limit: Int = 64 << 10) -> String {
    bytes.withUnsafeBytes { raw in
        var scanner = HeadScanner(limit: limit)
        return describe(scanner.scanRequest(ByteView(raw)), ByteView(raw))
    }
}

func responseVerdict(_ text: String) -> String {
    Array(text.utf8).withUnsafeBytes { raw in
        var scanner = HeadScanner()
        return describe(scanner.scanResponse(ByteView(raw)))
    }
}

/// The verdict of a scanner that is shown the bytes in growing pieces, each `step` longer than the one before.
func drippedRequestVerdict(_ bytes: [UInt8], step: Int) -> String {
    bytes.withUnsafeBytes { raw in
        var scanner = HeadScanner()
        var shown = 0
        while true {
            shown = min(shown + step, raw.count)
            let view = ByteView(UnsafeRawBufferPointer(rebasing: raw[..<shown]))
            let verdict = scanner.scanRequest(view)
            if case .incomplete = verdict, shown < raw.count { continue }
            return describe(verdict, view)
        }
    }
}

func describe(_ verdict: Verdict<RequestHead>, _ view: ByteView) -> String {
    switch verdict {
    case .incomplete: "incomplete"
    case .notHTTP(let foreign): "not-http \(foreign.rawValue)"
    case .ambiguous(let reason): "ambiguous \(reason.rawValue)"
    case .tooLong: "too-long"
    case .complete(let head):
        "\(head.method.rawValue) \(String(decoding: view.bytes(head.target), as: UTF8.self)) \(head.version)"
            + " \(head.length)" + suffix(head.flags, head.contentLength) + fields(head, view)
    }
}

func describe(_ verdict: Verdict<ResponseHead>) -> String {
    switch verdict {
    case .incomplete: "incomplete"
    case .notHTTP(let foreign): "not-http \(foreign.rawValue)"
    case .ambiguous(let reason): "ambiguous \(reason.rawValue)"
    case .tooLong: "too-long"
    case .complete(let head): "\(head.status) \(head.version) \(head.length)" + suffix(head.flags, head.contentLength)
    }
}

private func suffix(_ flags: FieldFlags, _ length: Int64) -> String {
    (flags.contains(.chunked) ? " chunked" : "") + (flags.contains(.length) ? " length=\(length)" : "")
        + (flags.contains(.close) ? " close" : "") + (flags.contains(.keepAlive) ? " keep-alive" : "")
        + (flags.contains(.upgrade) ? " upgrade" : "") + (flags.contains(.upgradeToHTTP2) ? " h2c" : "")
        + (flags.contains(.expectContinue) ? " expect" : "")
}

private func fields(_ head: RequestHead, _ view: ByteView) -> String {
    var cursor = FieldCursor(head)
    var names: [String] = []
    while let field = cursor.next(in: view) {
        names.append(String(decoding: view.bytes(field.name), as: UTF8.self))
    }
    return " [\(names.joined(separator: " "))]"
}

/// Feeds a body to a framer in pieces of `step` bytes: how many bytes belonged to it, and whether it ended; `nil` when malformed.
func frame(_ framer: BodyFramer, _ bytes: [UInt8], step: Int) -> (taken: Int, ended: Bool)? {
    var framer = framer
    var position = 0
    while position < bytes.count, !framer.isComplete {
        let piece = Array(bytes[position..<min(position + step, bytes.count)])
        guard let taken = piece.withUnsafeBytes({ framer.take(ByteView($0)) }) else {
            return nil
        }
        position += taken
        if taken < piece.count { break }
    }
    return (position, framer.isComplete)
}
