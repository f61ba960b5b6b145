import Intercept
import Synchronization
import TrafficMatch

/// The screen of a running intercept: it comes when the intercept is ready and goes when it ends; what is said before and
/// after that are lines, as without it.
final class Screen: Sendable {
    private struct State: Sendable {
        enum Stage: Sendable {
            case waiting
            case shown
            case left
        }

        var stage = Stage.waiting
        var model = ScreenModel()
        var readyAt: ContinuousClock.Instant?
        /// What was said on the screen and would be gone with it.
        var warnings: [InterceptEvent] = []
    }

    /// How often it is drawn and keys are looked for.
    private static let pace: Duration = .milliseconds(200)

    private let terminal: RawTerminal
    private let isColoured: Bool
    private let lines: @Sendable (InterceptEvent) -> Void
    private let state = Mutex(State())
    private let quit = AsyncStream<Void>.makeStream()

    /// A screen that is not there yet.
    ///
    /// - Parameter lines: says an event while there is no screen.
    init(terminal: RawTerminal, isColoured: Bool, lines: @escaping @Sendable (InterceptEvent) -> Void) {
        self.terminal = terminal
        self.isColoured = isColoured
        self.lines = lines
    }

    /// Takes in what happens.
    func note(_ event: InterceptEvent) {
        switch event {
        case .finished, .summary, .restored, .draining, .ending, .gone: self.leave()
        default: break
        }
        let isLine = self.state.withLock { state in
            if state.stage == .waiting, case .ready = event {
                state.stage = self.terminal.enter() ? .shown : .left
                state.readyAt = .now
            }
            state.model.note(event)
            guard state.stage == .shown else { return true }
            switch event {
            case .warning, .nearMiss, .tunnelDown, .localPortLost:
                state.warnings = (state.warnings + [event]).suffix(20)
            default: break
            }
            return false
        }
        if isLine { self.lines(event) }
    }

    /// Returns when somebody has pressed `q`.
    func quitting() async {
        for await _ in self.quit.stream { return }
    }

    /// Puts the terminal back; says again, as lines, what somebody may want to read later.
    func leave() {
        let warnings = self.state.withLock { state in
            guard state.stage == .shown else {
                state.stage = .left
                return [InterceptEvent]()
            }
            self.terminal.restore()
            state.stage = .left
            return state.warnings
        }
        warnings.forEach(self.lines)
    }

    /// Draws, and acts on keys, until it is cancelled.
    func run(_ traffic: RouteTraffic) async {
        defer { self.leave() }
        var drawn: [String] = []
        while !Task.isCancelled {
            for key in self.terminal.pressed() {
                switch key {
                case UInt8(ascii: "q"), UInt8(ascii: "Q"): self.quit.continuation.yield()
                case UInt8(ascii: "p"), UInt8(ascii: "P"): traffic.setPaused(!traffic.isPaused)
                default: break
                }
            }
            self.draw(traffic, &drawn)
            try? await Task.sleep(for: Self.pace)
        }
    }

    private func draw(_ traffic: RouteTraffic, _ drawn: inout [String]) {
        let sightings = traffic.sightings
        let isPaused = traffic.isPaused
        // Drawn under the lock: nothing is drawn once the screen is left.
        self.state.withLock { state in
            guard state.stage == .shown, let size = self.terminal.size, let readyAt = state.readyAt else { return }
            state.model.sightings = sightings
            state.model.isPaused = isPaused
            let seconds = Int((ContinuousClock.now - readyAt).components.seconds)
            // The last column stays free: a line that fills it moves the cursor in some terminals and not in others.
            let lines = state.model.lines(columns: size.columns - 1, rows: size.rows, seconds: seconds)
                .map { Terminal.painted($0.text, $0.tone, isColoured: self.isColoured) }
            let now = ["\(size)"] + lines
            guard now != drawn else { return }
            drawn = now
            self.terminal.draw(lines)
        }
    }
}
