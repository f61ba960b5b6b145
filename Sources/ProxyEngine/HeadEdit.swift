#if os(Linux)
    import HTTPWire
    import NIOCore

    /// What becomes of a head on its way: it loses the fields that are for us.
    struct HeadEdit {
        /// What comes at its end.
        var line: StaticString
        /// Whether `Upgrade` stays.
        var keepsUpgrade = false
        /// Whether fields that `Connection` names go too.
        var dropsNamed = false
        /// What comes in the place of the request's target.
        var target: (ByteRange, [UInt8])?
    }

    extension EngineLoop {
        /// Puts the head at the start of `raw`, edited, and what follows it up to `total`, into `edited`.
        func put(_ raw: UnsafeRawBufferPointer, _ cursor: FieldCursor, _ head: Int, _ total: Int, _ edit: HeadEdit) {
            let view = ByteView(raw)
            var cursor = cursor
            self.edited.clear()
            cursor.forEachKept(
                in: view,
                end: head,
                keepsUpgrade: edit.keepsUpgrade,
                hasStrangeOptions: edit.dropsNamed
            ) { range in
                guard range.lower == 0, let (place, target) = edit.target else {
                    self.edited.writeBytes(view.bytes(range))
                    return
                }
                self.edited.writeBytes(view.bytes(ByteRange(0, place.lower)))
                self.edited.writeBytes(target)
                self.edited.writeBytes(view.bytes(ByteRange(place.upper, range.upper)))
            }
            self.edited.writeStaticString(edit.line)
            self.edited.writeStaticString("\r\n")
            self.edited.writeBytes(view.bytes(ByteRange(head, total)))
        }
    }
#endif
