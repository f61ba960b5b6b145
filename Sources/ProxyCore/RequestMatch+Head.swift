public import HTTPWire
public import TrafficMatch

extension RequestMatch {
    /// Whether the request whose head is at the start of `view` satisfies every condition.
    public func isSatisfied(by head: RequestHead, in view: ByteView) -> Bool {
        self.isSatisfied(by: HeadView(head: head, bytes: view))
    }

    /// Whether the request would satisfy every condition if its target were `target`.
    public func isSatisfied(by head: RequestHead, in view: ByteView, target: [UInt8]) -> Bool {
        target.withUnsafeBytes { self.isSatisfied(by: HeadView(head: head, bytes: view, otherTarget: $0)) }
    }
}

extension MatchSurvey {
    /// Takes note of the request whose head is at the start of `view`.
    public mutating func note(_ head: RequestHead, in view: ByteView) {
        self.note(HeadView(head: head, bytes: view))
    }
}

/// What conditions look at, of a request whose bytes somebody holds for as long as the view is used.
private struct HeadView: RequestView {
    let head: RequestHead
    let bytes: ByteView
    var otherTarget: UnsafeRawBufferPointer?

    var method: UnsafeRawBufferPointer { self.bytes.bytes(self.head.methodRange) }
    var target: UnsafeRawBufferPointer { self.otherTarget ?? self.bytes.bytes(self.head.target) }

    func forEachField(_ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) {
        var cursor = FieldCursor(self.head)
        while let field = cursor.next(in: self.bytes) {
            guard visit(self.bytes.bytes(field.name), self.bytes.bytes(field.value)) else { return }
        }
    }
}
