import Foundation

/// Messages on stderr, data on stdout; colour on a terminal only and never with `NO_COLOR`.
enum Terminal {
    /// Whether messages may be coloured.
    static let isColoured = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// How a message begins.
    enum Tone: Sendable {
        case plain
        case warning
        case good
        case error
    }

    /// A line on stderr.
    static func say(_ text: String, _ tone: Tone = .plain) {
        let prefix =
            switch tone {
            case .plain, .good: ""
            case .warning: "warning: "
            case .error: "error: "
            }
        let line = prefix + Self.inert(ProgramName.spoken(text))
        Self.write(Self.painted(line, tone, isColoured: Self.isColoured) + "\n", to: .standardError)
    }

    /// A reader that went away (`| head`, a window that was closed) is no reason to leave anything undone.
    private static func write(_ text: String, to stream: FileHandle) {
        try? stream.write(contentsOf: Data(text.utf8))
    }

    /// Text in the colour of its tone.
    static func painted(_ text: String, _ tone: Tone, isColoured: Bool) -> String {
        let colour =
            switch tone {
            case .plain: ""
            case .warning: "33"
            case .good: "32"
            case .error: "31"
            }
        return isColoured && !colour.isEmpty && !text.isEmpty ? "\u{1b}[\(colour)m\(text)\u{1b}[0m" : text
    }

    /// Whether a screen can be had: all three streams are one's own terminal, and it can do more than print.
    static var takesScreen: Bool {
        let type = ProcessInfo.processInfo.environment["TERM"] ?? "dumb"
        return Self.isForeground && isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && type != "dumb"
            && !type.isEmpty
    }

    /// Whether somebody can be asked: messages are seen and answers can be typed.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Whether this program is in the foreground of the terminal on its stdin: the keys that make signals reach it.
    static var isForeground: Bool { isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp() }

    /// Asks on stderr and reads a line from stdin; nil at the end of the input.
    static func ask(_ question: String) -> String? {
        Self.write(Self.inert(question), to: .standardError)
        return readLine()
    }

    /// Data on stdout.
    static func print(_ text: String) {
        Self.write(text + "\n", to: .standardOutput)
    }

    /// The text without control characters but line feeds: what a cluster says must not steer a terminal.
    static func inert(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar -> Character in
                let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                return isControl && scalar != "\n" ? "\u{fffd}" : Character(scalar)
            }
        )
    }
}
