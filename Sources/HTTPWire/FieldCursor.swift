/// Walks over the field lines of a head that the scanner has found complete.
public struct FieldCursor: Sendable {
    /// One field line.
    public struct Field: Sendable {
        /// Where the name is written.
        public let name: ByteRange
        /// Where the value is written, blanks around it left in.
        public let value: ByteRange
    }

    private var position: Int
    private let end: Int

    /// A cursor before the first field line of `head`.
    public init(_ head: RequestHead) {
        self.position = head.fieldsStart
        self.end = head.length - 2
    }

    /// A cursor before the first field line of `head`.
    public init(_ head: ResponseHead) {
        self.position = head.fieldsStart
        self.end = head.length - 2
    }

    /// The next field line of the same bytes, or `nil` after the last.
    public mutating func next(in view: ByteView) -> Field? {
        guard self.position < self.end else {
            return nil
        }
        let start = self.position
        var colon = start
        while colon < self.end, view[colon] != Byte.colon { colon &+= 1 }
        let valueEnd = view.firstControl(from: colon)
        self.position = valueEnd &+ 2
        return Field(name: ByteRange(start, colon), value: ByteRange(min(colon &+ 1, valueEnd), valueEnd))
    }
}
