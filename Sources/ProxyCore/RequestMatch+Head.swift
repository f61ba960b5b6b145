public import HTTPWire
public import TrafficMatch

extension RequestMatch {
    /// Whether the request whose head is at the start of `view` satisfies every condition.
    public func isSatisfied(by head: RequestHead, in view: ByteView) -> Bool {
        self.isSatisfied { visit in
            var cursor = FieldCursor(head)
            while let field = cursor.next(in: view) {
                guard visit(view.bytes(field.name), view.bytes(field.value)) else {
                    return
                }
            }
        }
    }
}
