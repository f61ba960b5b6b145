import Foundation
import Synchronization

/// A terminal that is taken over for a screen: keys come one by one and are not shown, and what is drawn is on a page of its
/// own, which is gone afterwards. Ctrl-C stays a signal; Ctrl-Z and Ctrl-\ are off, because they would leave it like that.
final class RawTerminal: Sendable {
    private let input: Int32
    private let output: Int32
    /// The settings to put back; nil while the terminal is not taken over.
    private let saved = Mutex<termios?>(nil)

    /// A terminal by its two descriptors, which stay the caller's.
    init(input: Int32, output: Int32) {
        self.input = input
        self.output = output
    }

    /// How many cells there are now; nil where that is not known.
    var size: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(self.output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Takes the terminal over; false when it cannot be.
    func enter() -> Bool {
        let isEntered = self.saved.withLock { saved in
            guard saved == nil else { return true }
            var settings = termios()
            guard tcgetattr(self.input, &settings) == 0 else { return false }
            var raw = settings
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            withUnsafeMutableBytes(of: &raw.c_cc) { keys in
                keys[Int(VMIN)] = 0
                keys[Int(VTIME)] = 0
                for key in [VSUSP, VQUIT] {
                    keys[Int(key)] = UInt8(truncatingIfNeeded: fpathconf(self.input, Int32(_PC_VDISABLE)))
                }
            }
            guard tcsetattr(self.input, TCSADRAIN, &raw) == 0 else { return false }
            saved = settings
            return true
        }
        if isEntered { self.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J") }
        return isEntered
    }

    /// Puts the terminal back as it was; does nothing when it is.
    func restore() {
        self.saved.withLock { saved in
            guard var settings = saved else { return }
            self.write("\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l")
            tcsetattr(self.input, TCSADRAIN, &settings)
            saved = nil
        }
    }

    /// The keys pressed since the last time; does not wait for any.
    func pressed() -> [UInt8] {
        guard self.saved.withLock({ $0 != nil }) else { return [] }
        var keys = [UInt8](repeating: 0, count: 64)
        let count = read(self.input, &keys, keys.count)
        return Array(keys.prefix(max(0, count)))
    }

    /// Puts lines on the page, from its top, and clears what is below.
    func draw(_ lines: [String]) {
        self.write("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    private func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(self.output, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
