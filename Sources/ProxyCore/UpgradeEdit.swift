public import HTTPWire

/// Takes the wish to switch to HTTP/2 out of a request's head.
///
/// A local process that agreed would take the whole connection over, requests that are not meant for it included. Without the
/// wish it answers in HTTP/1.1, as every server may.
public enum UpgradeEdit {
    /// The parts of the head at the start of `view` that stay, in order, and the line to put before the empty line at the end.
    public static func parts(of head: RequestHead, in view: ByteView) -> (kept: [ByteRange], line: StaticString) {
        var kept: [ByteRange] = []
        var start = 0
        var cursor = FieldCursor(head)
        while let field = cursor.next(in: view) {
            guard self.speaksOfUpgrade(field, view) else {
                continue
            }
            kept.append(ByteRange(start, field.name.lower))
            start = field.value.upper + 2
        }
        kept.append(ByteRange(start, head.length - 2))
        // The field that named the upgrade may also have said how the connection goes on.
        if head.flags.contains(.close) {
            return (kept, "connection: close\r\n")
        }
        return (kept, head.flags.contains(.keepAlive) ? "connection: keep-alive\r\n" : "")
    }

    private static func speaksOfUpgrade(_ field: FieldCursor.Field, _ view: ByteView) -> Bool {
        view.equals("upgrade", field.name) || view.equals("connection", field.name)
            || view.equals("http2-settings", field.name)
    }
}
