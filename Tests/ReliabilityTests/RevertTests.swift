import KubernetesModel
import Testing

@testable import reliability

@Suite("What others do to an intercepted Service")
struct RevertTests {
    @Test(
        "Who did it is in the words that are waited for, and whether the Service is swapped again",
        arguments: [
            (Revert.Kind.argo, "changed back by argocd-controller", true),
            (.flux, "changed back by kustomize-controller", true), (.edit, "changed back by kubectl-edit", true),
            (.replace, "changed back by kubectl-replace", true), (.patch, "changed back by kubectl-patch", true),
            (.other, "changed back by kubectl-patch", false), (.delete, "deleted or made anew", false),
            (.recreate, "deleted or made anew", false),
        ]
    )
    func words(kind: Revert.Kind, words: String, isSwappedAgain: Bool) {
        #expect(Revert(kind: kind, mode: .yield).words(count: 2) == words)
        let again = isSwappedAgain ? "\(words); it is swapped again (2 of 10 times)" : words
        #expect(Revert(kind: kind, mode: .reassert).words(count: 2) == again)
    }

    @Test("A tool's advice is said once, and of no other tool; a person gets none")
    func advice() {
        let (argo, flux) = ("  ignoreDifferences:\n", "annotate x kustomize.toolkit.fluxcd.io/reconcile=disabled")
        func complaint(_ kind: Revert.Kind, _ said: String) -> String? {
            Revert(kind: kind, mode: .yield).complaint(of: said)
        }
        #expect(complaint(.argo, argo) == nil && complaint(.flux, flux) == nil && complaint(.edit, "") == nil)
        for (kind, said) in [
            (Revert.Kind.argo, ""), (.argo, argo + argo), (.argo, argo + flux), (.flux, argo), (.edit, argo),
            (.delete, flux),
        ] {
            #expect(complaint(kind, said) != nil, "\(kind): \(said)")
        }
    }

    @Test("Half a selector is neither's: the original's value and the interceptor's key")
    func half() {
        let key = "system.codezero.io/session"
        #expect(Revert.isHalf(["app": "leaf", key: "0"]))
        for selector in [["app": "leaf"], ["app": "interceptor", key: "0"], [:]] {
            #expect(!Revert.isHalf(selector), "\(selector)")
        }
    }

    @Test("Only what was sent between a tool's write and two seconds after it was put right is forgiven")
    func pardon() {
        let origin = ContinuousClock.now
        var pardon = Pardon()
        func isForgiven(_ milliseconds: Int) -> Bool {
            let sent = origin + .milliseconds(milliseconds)
            return pardon.covers(Prober.Answer(sent: sent, received: sent + .seconds(30), failure: "x"))
        }
        #expect(!isForgiven(1_000))
        pardon.forgive(from: origin, until: origin + .milliseconds(500))
        pardon.forgive(from: origin + .seconds(10), until: origin + .seconds(11))
        #expect(
            [-1, 0, 2_500, 2_501, 9_999, 10_000, 13_000, 13_001].map(isForgiven) == [
                false, true, true, false, false, true, true, false,
            ]
        )
    }

    @Test("The loads of one kind's rounds are summed by what they are")
    func summed() {
        func load(_ what: String, _ failed: Int64, _ most: Double) -> JSONValue {
            [
                "what": .string(what), "rate": 5, "requests": 10, "failed": .integer(failed), "altered": 1,
                "retried": 2, "seconds": 4, "max_ms": .double(most), "errors": ["e"],
            ]
        }
        let sums = Bystanders.summed([load("b", 0, 1), load("a", 1, 9), load("a", 3, 8)])
        #expect(sums.map { $0["what"] } == ["a", "b"])
        #expect(sums[0]["requests"] == 20 && sums[0]["failed"] == 4 && sums[0]["altered"] == 2)
        #expect(sums[0]["retried"] == 4 && sums[0]["achieved_rate"] == .double(2.5))
        #expect(sums[0]["max_ms"] == .double(9) && sums[0]["errors"] == ["e", "e"])
    }

    @Test("What bystanders lose to a tool's half selector is shown, and is nobody's bar")
    func ledNowhere() throws {
        var document = Document(nil)
        let loads: JSONValue = [["requests": 1_000, "failed": 3, "altered": 0, "retried": 1], ["requests": 500]]
        let about: JSONValue = ["bystanders_led_nowhere": loads]
        let batch = Document.Batch(scenario: .reverts, about: about, runs: [[:]], bystanders: [])
        try document.take(batch, appends: false)
        let line = try #require(Bars.reverts(document.json[path: "scenarios", "reverts"]).first)
        #expect(line.measured == "4 of 1,500" && line.isMet)
        #expect(document.json["failed_requests"] == 0)
    }

    @Test("The command has a second to say so; how soon it has the Service again is shown")
    func table() throws {
        func lines(_ detected: Double) throws -> [Bars.Line] {
            var document = Document(nil)
            let run: JSONValue = ["detected_s": .double(detected), "reasserted_s": .double(3)]
            let batch = Document.Batch(scenario: .reverts, about: [:], runs: [run], bystanders: [])
            try document.take(batch, appends: false)
            return Bars(document.json).lines.filter { $0.what.contains("Service") }
        }
        #expect(try lines(1).map(\.isMet) == [true, true])
        #expect(try lines(1.1).map(\.isMet) == [false, true])
        #expect(Bars.reverts(nil).isEmpty)
    }
}
