#if os(Linux)
    import GatewayCore
    import NIOCore
    import ProxyCore
    import Telemetry

    /// The access log's lines of one loop, until they are many enough to be written.
    final class LoopLog {
        /// How many bytes are written at once; fewer when the loop has looked at its time-outs.
        static let piece = 64 << 10
        /// So much more there is room for: a line of the longest path, each of its bytes escaped.
        private static let longestLine = 6 << 10

        let words: LogWords
        private let log: AccessLog
        private let none: [UInt8]
        private var lines: [UInt8] = []
        private var count = 0
        private var timestamp = Timestamp()
        /// From the clock that never goes back to the wall clock, in nanoseconds.
        private var offset = 0

        init(_ log: AccessLog, _ format: AccessLogRules.Format) {
            let words = LogWords(format)
            self.words = words
            self.log = log
            self.none = words.none
            self.readClock()
        }

        /// Follows the wall clock, which others may set.
        func readClock() {
            self.offset = Timestamp.nanosecondsNow - Int(NIODeadline.now().uptimeNanoseconds)
        }

        /// Adds a line.
        func append(
            _ note: ForwardNote,
            _ trace: RequestTrace,
            client: [UInt8],
            listener: [UInt8],
            cluster: [UInt8]?,
            now: NIODeadline
        ) {
            let isJSON = self.words.isJSON
            let wall = self.offset + Int(trace.begun.uptimeNanoseconds)
            self.lines.append(isJSON ? "{\"time\":\"" : "time=")
            self.timestamp.append(
                seconds: wall / 1_000_000_000,
                milliseconds: wall / 1_000_000 % 1_000,
                to: &self.lines
            )
            self.lines.append(isJSON ? "\",\"listener\":" : " listener=")
            self.lines.append(contentsOf: listener)
            self.lines.append(isJSON ? ",\"client\":" : " client=")
            self.lines.append(contentsOf: client)
            self.lines.append(contentsOf: trace.heading)
            self.lines.append(isJSON ? ",\"status\":" : " status=")
            self.lines.appendNumber(note.status)
            self.lines.append(isJSON ? ",\"flags\":" : " flags=")
            self.append(word: note.flags.isEmpty ? nil : note.flags.letters)
            self.lines.append(isJSON ? ",\"reason\":" : " reason=")
            self.append(word: note.reason)
            self.lines.append(isJSON ? ",\"bytes_in\":" : " bytes_in=")
            self.lines.appendNumber(note.bytesIn)
            self.lines.append(isJSON ? ",\"bytes_out\":" : " bytes_out=")
            self.lines.appendNumber(note.bytesOut)
            self.lines.append(isJSON ? ",\"duration_ms\":" : " duration_ms=")
            self.lines.appendMilliseconds(microseconds: trace.microseconds(until: now))
            self.lines.append(isJSON ? ",\"first_byte_ms\":" : " first_byte_ms=")
            if trace.answered.uptimeNanoseconds > 0 {
                self.lines.appendMilliseconds(microseconds: trace.microseconds(until: trace.answered))
            } else {
                self.lines.append(contentsOf: self.none)
            }
            self.lines.append(isJSON ? ",\"cluster\":" : " cluster=")
            self.lines.append(contentsOf: cluster ?? self.none)
            self.lines.append(isJSON ? ",\"server\":" : " server=")
            self.lines.append(contentsOf: trace.server.isEmpty ? self.none : trace.server)
            self.lines.append(isJSON ? ",\"retries\":" : " retries=")
            self.lines.appendNumber(note.retries)
            self.lines.append(isJSON ? "}\n" : "\n")
            self.count += 1
            if self.lines.count >= Self.piece { self.flush() }
        }

        /// A word of our own, which needs no quotes in text.
        @inline(__always)
        private func append(word: String?) {
            guard var word else { return self.lines.append(contentsOf: self.none) }
            if self.words.isJSON { self.lines.append(UInt8(ascii: "\"")) }
            word.withUTF8 { self.lines.append(contentsOf: $0) }
            if self.words.isJSON { self.lines.append(UInt8(ascii: "\"")) }
        }

        /// Gives what there is to the thread that writes.
        func flush() {
            guard self.count > 0 else { return }
            self.log.submit(self.lines, lines: self.count)
            self.lines = []
            self.lines.reserveCapacity(Self.piece + Self.longestLine)
            self.count = 0
        }
    }
#endif
