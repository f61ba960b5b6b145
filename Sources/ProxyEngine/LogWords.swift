#if os(Linux)
    import GatewayCore
    import HTTPWire
    import Telemetry

    /// The parts of an access-log line that are known before its end: written once, and copied into the line.
    ///
    /// A part is a value as the format wants it: with quotes where it needs them, `-` or `null` where there is none.
    struct LogWords: Sendable {
        /// How many bytes of a request's target, host and id a line shows at most.
        static let longestTarget = 1_024
        static let longestHost = 256
        static let longestID = 128

        let isJSON: Bool

        init(_ format: AccessLogRules.Format) {
            self.isJSON = format == .json
        }

        /// What is not known.
        var none: [UInt8] { self.isJSON ? Array("null".utf8) : [UInt8(ascii: "-")] }

        /// A name from the settings, or an address. It needs no quotes in text unless it holds what could be taken for another field.
        func name(_ text: String) -> [UInt8] {
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"\"\\=".utf8.contains($0) } && text != "-"
            var word: [UInt8] = []
            let quotes = self.isJSON || !isPlain || text.isEmpty
            if quotes { word.append(UInt8(ascii: "\"")) }
            word.appendEscaped(text)
            if quotes { word.append(UInt8(ascii: "\"")) }
            return word
        }

        /// Writes method, path, host and request id of a head: what has to be copied while it is there.
        @inline(__always)
        func write(_ head: RequestHead, _ view: ByteView, into heading: inout [UInt8]) {
            heading.removeAll(keepingCapacity: true)
            // Methods are known words.
            heading.append(self.isJSON ? ",\"method\":\"" : " method=")
            heading.append(contentsOf: view.bytes(head.methodRange))
            heading.append(self.isJSON ? "\",\"path\":" : " path=")
            self.quote(view.bytes(head.target), Self.longestTarget, into: &heading)
            heading.append(self.isJSON ? ",\"host\":" : " host=")
            self.quote(view.bytes(head.host), Self.longestHost, into: &heading)
            heading.append(self.isJSON ? ",\"request_id\":" : " request_id=")
            self.quote(view.bytes(head.requestID), Self.longestID, into: &heading)
        }

        /// Writes the same of a request that was refused before it had a head.
        func writeNone(into heading: inout [UInt8]) {
            heading.removeAll(keepingCapacity: true)
            heading.append(
                self.isJSON
                    ? ",\"method\":null,\"path\":null,\"host\":null,\"request_id\":null"
                    : " method=- path=- host=- request_id=-"
            )
        }

        /// What a client has sent, cut and in quotes; an empty value is none.
        @inline(__always)
        func quote(_ bytes: UnsafeRawBufferPointer, _ longest: Int, into line: inout [UInt8]) {
            guard bytes.count > 0 else { return line.append(self.isJSON ? "null" : "-") }
            line.append(UInt8(ascii: "\""))
            line.appendEscaped(UnsafeRawBufferPointer(rebasing: bytes.prefix(longest)))
            line.append(UInt8(ascii: "\""))
        }
    }
#endif
