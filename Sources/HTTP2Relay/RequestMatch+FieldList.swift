public import HTTP2Wire
public import TrafficMatch

extension RequestMatch {
    /// Whether a request with these fields satisfies every condition; `:authority` is looked at as `host`.
    public func isSatisfied(by fields: FieldList) -> Bool {
        fields.withView { self.isSatisfied(by: FieldsView(fields: $0)) }
    }
}

extension MatchSurvey {
    /// Takes note of a request with these fields.
    public mutating func note(_ fields: FieldList) {
        fields.withView { self.note(FieldsView(fields: $0)) }
    }
}

/// What conditions look at, of a request whose fields somebody holds for as long as the view is used.
private struct FieldsView: RequestView {
    let fields: FieldList.View

    var method: UnsafeRawBufferPointer { self.first(":method") }
    var target: UnsafeRawBufferPointer { self.first(":path") }

    private func first(_ wanted: String) -> UnsafeRawBufferPointer {
        var found = UnsafeRawBufferPointer(start: nil, count: 0)
        self.fields.forEach { name, value in
            guard name.elementsEqual(wanted.utf8) else {
                return true
            }
            found = value
            return false
        }
        return found
    }

    func forEachField(_ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) {
        self.fields.forEach { name, value in
            guard name.first == UInt8(ascii: ":") else {
                return visit(name, value)
            }
            guard name.elementsEqual(":authority".utf8) else {
                return true
            }
            var host = "host"
            return host.withUTF8 { visit(UnsafeRawBufferPointer($0), value) }
        }
    }
}

extension FieldList {
    /// Whether two equal requests of this method have the effect of one; RFC 9110 section 9.2.2.
    var isIdempotent: Bool {
        ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(
            String(decoding: self.first(":method") ?? [], as: UTF8.self)
        )
    }
}
