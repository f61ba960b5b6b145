/// What conditions look at: a request's method, target and field lines, borrowed from whoever holds its bytes.
public protocol RequestView {
    /// The method as it came.
    var method: UnsafeRawBufferPointer { get }
    /// The request target as it came: origin form, absolute form or `*` (RFC 9112 3.2), or `:path` (RFC 9113 8.3.1).
    var target: UnsafeRawBufferPointer { get }
    /// Calls `visit` with name and value of each field line, until that answers `false`.
    func forEachField(_ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool)
}

extension RequestView {
    /// The target's path: without scheme and authority, without query.
    var path: UnsafeRawBufferPointer {
        let target = self.target
        let rest = target[Self.pathStart(target)...]
        return UnsafeRawBufferPointer(rebasing: rest[..<(rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex)])
    }

    /// What comes after the first `?`; empty without one.
    var query: UnsafeRawBufferPointer {
        let target = self.target
        guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return .init(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: target[(mark + 1)...])
    }

    private static func pathStart(_ target: UnsafeRawBufferPointer) -> Int {
        guard let first = target.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "*") else { return 0 }
        // scheme "://" authority, and then the path, which may be absent.
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")), colon + 2 < target.count,
            target[colon + 1] == UInt8(ascii: "/"), target[colon + 2] == UInt8(ascii: "/")
        else { return 0 }
        return target[(colon + 3)...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
    }
}
