import Foundation
import Synchronization
import Testing

@testable import Intercept
@testable import detour

@Suite("A screen on a terminal", .timeLimit(.minutes(5)))
struct ScreenTests {
    /// A terminal whose other end the test holds.
    private final class Pseudoterminal: Sendable {
        let master: Int32
        let slave: Int32
        private let seen = Mutex<[UInt8]>([])

        init(columns: UInt16 = 100, rows: UInt16 = 30) throws {
            // ioctl_tty(2) in place of posix_openpt(3) and its kin, which Swift does not see.
            self.master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
            var number: UInt32 = 0
            var isLocked: Int32 = 0
            guard ioctl(self.master, 0x8004_5430, &number) == 0, ioctl(self.master, 0x4004_5431, &isLocked) == 0 else {
                throw POSIXError(.init(rawValue: errno) ?? .ENODEV)
            }
            self.slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
            guard self.slave >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .ENODEV) }
            var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
            _ = ioctl(self.master, UInt(TIOCSWINSZ), &size)
            _ = fcntl(self.master, F_SETFL, O_NONBLOCK)
        }

        deinit {
            close(self.master)
            close(self.slave)
        }

        var settings: [UInt8] {
            var settings = termios()
            tcgetattr(self.slave, &settings)
            return withUnsafeBytes(of: settings) { Array($0) }
        }

        /// All that was written to the terminal so far.
        var text: String {
            self.seen.withLock { seen in
                var bytes = [UInt8](repeating: 0, count: 4_096)
                while case let count = read(self.master, &bytes, bytes.count), count > 0 { seen += bytes.prefix(count) }
                return String(decoding: seen, as: UTF8.self)
            }
        }

        func press(_ keys: String) {
            _ = keys.withCString { write(self.master, $0, strlen($0)) }
        }

        func shows(_ text: String) async {
            while !self.text.contains(text), !Task.isCancelled { await Task.yield() }
        }
    }

    private final class Said: Sendable {
        private let events = Mutex<[InterceptEvent]>([])
        func add(_ event: InterceptEvent) { self.events.withLock { $0.append(event) } }
        var all: [InterceptEvent] { self.events.withLock { $0 } }
    }

    @Test("is on a page of its own, takes keys one by one, and leaves everything as it was")
    func takeover() throws {
        let pty = try Pseudoterminal(columns: 81, rows: 25)
        let terminal = RawTerminal(input: pty.slave, output: pty.slave)
        let before = pty.settings
        #expect(terminal.pressed().isEmpty, "nothing is read of a terminal that is not taken over")
        #expect(terminal.enter())
        #expect(pty.settings != before)
        #expect(terminal.size.map { [$0.columns, $0.rows] } == [81, 25])
        #expect(terminal.pressed().isEmpty, "and nobody is waited for")
        pty.press("pq")
        #expect(terminal.pressed() == Array("pq".utf8))
        terminal.draw(["one", "two"])
        terminal.restore()
        terminal.restore()
        #expect(pty.settings == before)
        #expect(
            pty.text == "\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J\u{1b}[Hone\u{1b}[K\r\r\ntwo\u{1b}[K\u{1b}[J"
                + "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l",
            "no key is echoed, and it is restored once"
        )
    }

    @Test("that cannot be taken over stays lines")
    func noTerminal() throws {
        var pipe: [Int32] = [-1, -1]
        try #require(Foundation.pipe(&pipe) == 0)
        defer { pipe.forEach { close($0) } }
        let said = Said()
        let screen = Screen(terminal: RawTerminal(input: pipe[0], output: pipe[1]), isColoured: false) { said.add($0) }
        screen.note(.ready(ScreenModelTests.ready))
        screen.note(.tunnelUp(pod: "a"))
        #expect(said.all == [.ready(ScreenModelTests.ready), .tunnelUp(pod: "a")])
    }

    @Test("comes with ready, pauses and quits by key, and gives the terminal back with what is to be read later")
    func life() async throws {
        let pty = try Pseudoterminal()
        let before = pty.settings
        let said = Said()
        let traffic = RouteTraffic()
        let screen = Screen(terminal: RawTerminal(input: pty.slave, output: pty.slave), isColoured: true) {
            said.add($0)
        }
        screen.note(.step("checking"))
        #expect(said.all == [.step("checking")] && pty.text.isEmpty)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await screen.run(traffic) }
            screen.note(.tunnelUp(pod: "interceptor-leaf-a"))
            screen.note(.ready(ScreenModelTests.ready))
            await pty.shows("q quit   p pause")
            #expect(pty.text.contains("\u{1b}[32mshop/leaf  80 → 3000"))
            screen.note(.warning("something odd"))
            await pty.shows("something odd")
            pty.press("p")
            await pty.shows("p resume")
            #expect(traffic.isPaused)
            pty.press("xp")
            while traffic.isPaused, !Task.isCancelled { await Task.yield() }
            pty.press("q")
            await screen.quitting()
            screen.leave()
            #expect(pty.settings == before)
            let drawn = pty.text
            #expect(drawn.hasSuffix("\u{1b}[?1049l"))
            screen.note(.restored)
            group.cancelAll()
            await group.waitForAll()
            #expect(pty.text == drawn, "nothing is drawn on the terminal as it was")
        }
        #expect(
            said.all == [
                .step("checking"), .tunnelUp(pod: "interceptor-leaf-a"), .warning("something odd"), .restored,
            ]
        )
    }

    @Test("goes by itself when the intercept ends, however that is")
    func ends() async throws {
        let pty = try Pseudoterminal()
        let before = pty.settings
        let said = Said()
        let screen = Screen(terminal: RawTerminal(input: pty.slave, output: pty.slave), isColoured: false) {
            said.add($0)
        }
        screen.note(.ready(ScreenModelTests.ready))
        #expect(pty.settings != before)
        screen.note(.finished("it is 17:00"))
        #expect(pty.settings == before)
        #expect(said.all == [.finished("it is 17:00")])
        screen.note(.ready(ScreenModelTests.ready))
        #expect(pty.settings == before, "and does not come back")

        let failing = Screen(terminal: RawTerminal(input: pty.slave, output: pty.slave), isColoured: false) { _ in }
        failing.note(.ready(ScreenModelTests.ready))
        #expect(pty.settings != before)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await failing.run(RouteTraffic()) }
            group.cancelAll()
        }
        #expect(pty.settings == before, "a run that is cancelled has restored it")
    }
}
