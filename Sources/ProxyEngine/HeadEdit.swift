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
        /// What else a forward proxy does to it.
        var proxied: Proxied?

        /// What a forward proxy writes into a head, which loses the fields between it and its client.
        struct Proxied {
            /// A request's `Host`, and where that comes: before all other fields (RFC 9110 section 7.2).
            var host: (value: [UInt8], place: Int)?
            /// Who has passed it on, and the version that it came in (RFC 9110 section 7.6.3).
            let via: StaticString

            init(request: RequestHead, host: [UInt8]) {
                self.host = (host, request.fieldsStart)
                self.via = Self.via(request.version)
            }

            init(response: ResponseHead) { self.via = Self.via(response.version) }

            private static func via(_ version: Version) -> StaticString {
                version == .http10 ? "via: 1.0 detour\r\n" : "via: 1.1 detour\r\n"
            }
        }
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
                hasStrangeOptions: edit.dropsNamed,
                dropsProxyFields: edit.proxied != nil
            ) { range in
                guard range.lower == 0, let (place, target) = edit.target else {
                    self.edited.writeBytes(view.bytes(range))
                    return
                }
                self.edited.writeBytes(view.bytes(ByteRange(0, place.lower)))
                self.edited.writeBytes(target)
                guard let host = edit.proxied?.host else {
                    self.edited.writeBytes(view.bytes(ByteRange(place.upper, range.upper)))
                    return
                }
                self.edited.writeBytes(view.bytes(ByteRange(place.upper, host.place)))
                self.edited.writeStaticString("host: ")
                self.edited.writeBytes(host.value)
                self.edited.writeStaticString("\r\n")
                self.edited.writeBytes(view.bytes(ByteRange(host.place, range.upper)))
            }
            self.edited.writeStaticString(edit.line)
            if let proxied = edit.proxied { self.edited.writeStaticString(proxied.via) }
            self.edited.writeStaticString("\r\n")
            self.edited.writeBytes(view.bytes(ByteRange(head, total)))
        }
    }
#endif
