/// A sequence of events as bytes: `^` and a letter begin an event, what follows up to the next `^` is its data, `^^` is one `^`.
///
/// A text that people can read and write, and that stays a sequence of events however it is cut and mixed.
struct EventScript {
    /// One event.
    struct Event {
        /// The letter after `^`; `.` for what comes before the first.
        var verb: UInt8
        var data: [UInt8] = []
    }

    /// The events in their order.
    private(set) var events: [Event] = []

    init(_ bytes: UnsafeRawBufferPointer) {
        let mark = UInt8(ascii: "^")
        var current = Event(verb: UInt8(ascii: "."))
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == mark, index < bytes.count else {
                current.data.append(byte)
                continue
            }
            let verb = bytes[index]
            index += 1
            guard verb != mark else {
                current.data.append(mark)
                continue
            }
            self.events.append(current)
            current = Event(verb: verb)
        }
        self.events.append(current)
    }
}
