import KubernetesModel
import Testing

@testable import reliability

@Suite("The day of a laptop")
struct AbsenceTests {
    private let lengths = Absence.Lengths(away: 60, asleep: 600)

    @Test("A day by default is 16 minutes at most, and the route survives all of it, or nothing")
    func lengthOfADay() {
        #expect(Absence.Lengths() == self.lengths)
        for day in [Absence.surviving, Absence.expiring] {
            #expect(day.reduce(0) { $0 + $1.seconds(self.lengths) + 10 } < 16 * 60)
        }
        // A route is over 15 s after its ttl at most; the other one has to outlast the longest step, and what is on top.
        #expect(Absence.ttl(self.lengths, expires: true) == 60)
        #expect(Absence.ttl(self.lengths, expires: false) > 600 + 60)
        #expect(Absence.ttl(Absence.Lengths(away: 2, asleep: 20), expires: true) == 5)
    }

    private let gone = ContinuousClock.now

    private func answer(_ sent: Double, _ received: Double, by who: String?) -> Prober.Answer {
        Prober.Answer(
            sent: self.gone + .seconds(sent),
            received: self.gone + .seconds(received),
            by: who,
            failure: who == nil ? "reset" : nil
        )
    }

    @Test(
        "What was asked before it left, and what the original answers, is well; a laptop that answers while it is away is not"
    )
    func judged() {
        var step: JSONValue = [:]
        let answers = [
            self.answer(-1, -0.9, by: "leaf/leaf-a"), self.answer(0.05, 0.2, by: "leaf/ada"),
            self.answer(0.5, 1.5, by: "leaf/leaf-a"), self.answer(2, 2.1, by: "leaf/ada"), self.answer(3, 7, by: nil),
            self.answer(9, 10.5, by: "leaf/ada"), self.answer(11, 11.1, by: "leaf/ada"),
        ]
        LaptopLane.judge(answers, self.gone, self.gone + .seconds(10), &step)
        let expected: JSONValue = [
            "requests": 7, "failed": 1, "original": 2, "answers_while_away": 1, "failover_s": .double(1.5),
            "slowest_s": .double(4),
        ]
        #expect(step == expected)
    }

    @Test("Two days make one run: the longer of two times, all steps, all that was wrong")
    func merged() {
        var (one, other) = (Stage.Outcome(), Stage.Outcome())
        one.measured = ["start_s": 3, "cut_back_s": 1, "failover_s": 1, "steps": ["a"]]
        one.problems = ["x"]
        other.measured = ["start_s": 4, "silent_expired_back_s": 7, "failover_s": 2, "steps": ["b"]]
        (other.problems, other.residue) = (["y"], ["z"])
        let expected: JSONValue = [
            "start_s": 3, "expiring_start_s": 4, "cut_back_s": 1, "silent_expired_back_s": 7, "failover_s": .double(2),
            "steps": ["a", "b"], "problems": ["x", "y"], "residue": ["z"],
        ]
        #expect(LaptopScenario.merged(one, other) == expected)
    }

    private func lines(_ times: [String: Double]) throws -> [Bars.Line] {
        var document = Document(nil)
        let run = JSONValue.object(times.mapValues { .double($0) })
        let about: JSONValue = ["commit": "c0ffee", "away_s": 60, "asleep_s": 600]
        try document.take(
            Document.Batch(scenario: .laptop, about: about, runs: [run], bystanders: []),
            appends: false
        )
        return Bars.laptop(document.json[path: "scenarios", "laptop"])
    }

    @Test("Each return has its line and its bar; where the route has expired, a start is on top")
    func table() throws {
        let times = [
            "start_s": 3, "expiring_start_s": 4, "cut_back_s": 5, "silent_back_s": 0.2, "address_back_s": 4.2,
            "token_back_s": 1, "stopped_back_s": 2, "silent_expired_back_s": 9, "stopped_expired_back_s": 8.9,
            "failover_s": 3.5,
        ]
        let lines = try self.lines(times)
        #expect(lines.map(\.isMet) == Array(repeating: true, count: 8))
        let texts = lines.map(\.what)
        #expect(texts[0] == "network cut for 60 s → the laptop answers again")
        #expect(texts[4] == "stopped for 600 s → the laptop answers again")
        let expired = "until the route has expired (`--ttl 60s`) → the laptop answers again"
        #expect(texts[5] == "network silent \(expired)" && texts[6] == "stopped for 600 s, \(expired)")
        #expect(lines[0].bar == "max ≤ 5 s" && lines[5].bar == "max ≤ 5 s and a start, 4 s")
        for (index, name) in [
            (0, "cut_back_s"), (2, "address_back_s"), (5, "silent_expired_back_s"), (7, "failover_s"),
        ] {
            let late = try self.lines(times.merging([name: 9.1]) { $1 })
            #expect(late.map(\.isMet) == (0..<8).map { $0 != index }, "\(name)")
        }
        #expect(try self.lines([:]).isEmpty)
    }
}
