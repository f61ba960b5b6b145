import KubernetesModel
import Testing

@testable import InterceptPlanning

@Suite("Somebody whose intercept was undone by a tool")
struct RevertAdviceTests {
    private let names = InterceptNames(namespace: "shop", service: "leaf")

    private func advice(_ change: (inout DynamicObject) -> Void) -> String? {
        var service = Patient.service("leaf")
        change(&service)
        return RevertAdvice.text(for: service, names: self.names)
    }

    @Test("is given what Argo CD's Application needs, ready to be pasted")
    func argo() {
        let text = self.advice { $0["metadata"]?["labels"] = ["argocd.argoproj.io/instance": "shop"] }
        #expect(
            text == """
                Argo CD keeps this Service as its repository has it (label argocd.argoproj.io/instance=shop). So that it leaves \
                the next intercept alone, put this into the Application:

                    spec:
                      ignoreDifferences:
                      - kind: Service
                        name: leaf
                        namespace: shop
                        jsonPointers: [/spec/selector, /spec/ports]
                      syncPolicy:
                        syncOptions: [RespectIgnoreDifferences=true]

                """
        )
    }

    @Test("is told how to pause Flux")
    func flux() {
        let text = self.advice { $0["metadata"]?["managedFields"] = [["manager": "kustomize-controller"]] }
        #expect(text?.hasPrefix("a Flux Kustomization keeps this Service as its repository has it") == true)
        #expect(text?.contains("kubectl annotate service leaf -n shop") == true)
    }

    @Test("is told nothing of tools where there is none, or one that writes only when it is asked to")
    func none() {
        #expect(self.advice { _ in } == nil)
        #expect(self.advice { $0["metadata"]?["annotations"] = ["meta.helm.sh/release-name": "shop"] } == nil)
    }
}
