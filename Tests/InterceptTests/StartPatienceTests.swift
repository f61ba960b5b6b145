import Testing

@testable import Intercept

@Suite("Waiting for the interceptor's replicas")
struct StartPatienceTests {
    @Test("is told of after ten seconds, then every half minute")
    func times() {
        var patience = StartPatience()
        let told = (0...75).filter {
            patience.word(elapsed: .seconds($0), ready: 0, wanted: 2, pods: 1, query: "q") != nil
        }
        #expect(told == [10, 40, 70])
    }

    @Test("says how many there are, and what may be missing")
    func words() {
        var patience = StartPatience()
        #expect(
            patience.word(elapsed: .seconds(12), ready: 1, wanted: 2, pods: 2, query: "kubectl get pods")
                == "waiting: 1 of 2 interceptor replicas ready after 12 s; a node may still be pulling the image "
                + "(kubectl get pods)"
        )
        var none = StartPatience()
        #expect(
            none.word(elapsed: .seconds(10), ready: 0, wanted: 1, pods: 0, query: "q")
                == "waiting: 0 of 1 interceptor replica ready after 10 s; there is no Pod of it yet (q)"
        )
    }
}
