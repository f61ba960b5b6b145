import Intercept
import TrafficMatch

/// What the screen of a running intercept shows, as a value: events and numbers go in, lines come out.
struct ScreenModel: Sendable {
    /// One line.
    struct Line: Sendable, Hashable {
        var text: String
        var tone: Terminal.Tone = .plain
    }

    /// The smallest terminal that a screen is worth having on.
    static let smallest = (columns: 60, rows: 14)
    private static let mostMessages = 20

    private(set) var ready: InterceptEvent.Ready?
    private(set) var messages: [Line] = []
    /// The replicas, by Pod, and whether their tunnel is up.
    private var tunnels: [String: Bool] = [:]
    private var reconnects = 0
    var sightings = RouteSightings()
    var isPaused = false

    /// Takes in what happened.
    mutating func note(_ event: InterceptEvent) {
        switch event {
        case .ready(let ready):
            self.ready = ready
            self.messages = []
        case .tunnelUp(let pod):
            if self.tunnels[pod] == false { self.reconnects += 1 }
            self.tunnels[pod] = true
            // With as many as there should be, one that is down belongs to a Pod that was replaced.
            let up = self.tunnels.filter(\.value)
            if let ready, up.count >= ready.replicas { self.tunnels = up }
            return
        case .tunnelDown(let pod, _): self.tunnels[pod] = false
        default: break
        }
        // The heading says already that it is ready, and how to end it is in the last line.
        let sentences = EventRenderer.sentences(event)
        for said in event.isReady ? Array(sentences.dropFirst()) : sentences {
            for line in ProgramName.spoken(said.text).split(separator: "\n") {
                self.messages.append(.init(text: "\(line)", tone: said.tone))
            }
        }
        self.messages = self.messages.suffix(Self.mostMessages)
    }

    /// The screen's lines, no wider and no more than the terminal has room for.
    ///
    /// - Parameter seconds: how long the intercept has been ready.
    func lines(columns: Int, rows: Int, seconds: Int) -> [Line] {
        var top = self.heading(columns, seconds)
        top += [Line(text: "")] + self.counts.map { Line(text: $0) }
        let room = max(0, rows - top.count - 2)
        let messages = self.wrappedMessages(columns, most: max(room / 2, room - 3 - self.sightings.recent.count))
        let requests = self.requests(columns, most: room - messages.count)
        let blanks = Array(repeating: Line(text: ""), count: max(0, room - messages.count - requests.count))
        let all = top + [Line(text: "")] + requests + blanks + messages + [self.keys]
        return all.prefix(rows).map { Line(text: $0.text.fitted(to: columns), tone: $0.tone) }
    }

    private func heading(_ columns: Int, _ seconds: Int) -> [Line] {
        let ready = self.ready
        let state =
            self.isPaused
            ? "paused: the original answers" : self.isUp ? "intercepting" : "no tunnel: the original answers"
        let right = "\(state)  \(Self.clock(seconds))"
        let left = "\(ready?.service ?? "")  \(ready?.ports.joined(separator: ", ") ?? "")".spelt
        let gap = max(2, columns - right.displayWidth)
        let tunnels = self.tunnels.sorted { $0.key < $1.key }.map { "\($0.key.spelt)\($0.value ? "" : " (down)")" }
        let again = self.reconnects == 0 ? "" : "; \(Self.count(self.reconnects, "reconnect"))"
        return [
            Line(text: left.padded(to: gap - 2) + "  " + right, tone: self.isPaused || !self.isUp ? .warning : .good),
            Line(text: "takes    \((ready?.match ?? "").spelt)"),
            Line(text: "tunnels  \(tunnels.isEmpty ? "none" : tunnels.joined(separator: ", "))\(again)"),
        ]
    }

    private var isUp: Bool { self.tunnels.values.contains(true) }

    private var counts: [String] {
        let seen = self.sightings
        let parts = [
            Self.count(seen.requests, "request"), "\(seen.matched) matched", "\(seen.diverted) answered here",
            Self.count(seen.connections, "connection"),
        ]
        let reasons = seen.fallbacks.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.spelt)" }
        return [parts.joined(separator: "   ")]
            + (reasons.isEmpty ? [] : ["matched and fell back: \(reasons.joined(separator: ", "))"])
    }

    private func requests(_ columns: Int, most: Int) -> [Line] {
        guard most > 1 else { return [] }
        guard !self.sightings.recent.isEmpty else { return [Line(text: "no request has matched yet")] }
        let path = columns - 2 - 8 - 5 - 9 - 10
        let rows = self.sightings.recent.suffix(most - 1).map { request in
            Line(
                text: "  " + request.method.spelt.padded(to: 8) + request.path.spelt.padded(to: path) + " "
                    + (request.status == 0 ? "-" : "\(request.status)").padded(to: 4)
                    + Self.duration(request.microseconds).padded(to: 9) + request.server.spelt,
                tone: request.server == "laptop" ? .plain : .warning
            )
        }
        return [Line(text: "latest requests")] + rows
    }

    private func wrappedMessages(_ columns: Int, most: Int) -> [Line] {
        let lines = self.messages.flatMap { message in
            message.text.spelt.wrapped(to: columns, indent: "  ").map { Line(text: $0, tone: message.tone) }
        }
        return lines.suffix(max(0, most))
    }

    private var keys: Line { Line(text: self.isPaused ? "q quit   p resume" : "q quit   p pause") }
}

extension ScreenModel {
    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// `1:02:03`, or `2:03` in the first hour.
    private static func clock(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
    }

    /// `950 µs`, `12 ms`, `1.2 s`.
    private static func duration(_ microseconds: Int) -> String {
        switch microseconds {
        case ..<1_000: "\(microseconds) µs"
        case ..<1_000_000: "\(microseconds / 1_000) ms"
        default: "\(microseconds / 1_000_000).\(microseconds / 100_000 % 10) s"
        }
    }
}

extension InterceptEvent {
    fileprivate var isReady: Bool { if case .ready = self { true } else { false } }
}
