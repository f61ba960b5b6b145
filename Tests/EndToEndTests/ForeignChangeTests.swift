import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension ElsewhereEndToEndTests {
    /// What a GitOps controller writes when it puts the Service back as its repository has it.
    private static func manifest(_ namespace: String) -> JSONValue {
        [
            "apiVersion": "v1", "kind": "Service",
            "metadata": [
                "name": "leaf", "namespace": .string(namespace), "labels": ["argocd.argoproj.io/instance": "shop"],
            ],
            "spec": [
                "selector": ["app": "leaf"],
                "ports": [["name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"]],
            ],
        ]
    }

    private static let asArgo = ["--server-side", "--field-manager=argocd-controller", "--force-conflicts"]

    @Test(
        "Argo CD's self-healing ends an intercept at once, which says who did it and what the Application needs; so does a new Service",
        .timeLimit(.minutes(5))
    )
    func foreignChange() async throws {
        try await OwnLeaf.with("detour-foreign") { leaf in
            let manifest = Self.manifest(leaf.namespace)
            // It owns the fields from the start, as it does where it made the Service.
            try await Cluster.apply([manifest], in: leaf.namespace, Self.asArgo)
            let before = try await leaf.snapshot()
            let reverted = try await Intercepting.start(of: leaf)
            defer { reverted.kill() }
            try await reverted.untilDiverted()
            let clock = ContinuousClock()
            let start = clock.now
            try await Cluster.apply([manifest], in: leaf.namespace, Self.asArgo)
            #expect(await reverted.detour.ended() == 1)
            let taken = clock.now - start
            let said = reverted.detour.errors
            #expect(said.contains("changed back by argocd-controller"), "\(said)")
            #expect(said.contains("jsonPointers: [/spec/selector, /spec/ports]"), "\(said)")
            // Why is said first, not only when all has been put back.
            let reason = try #require(said.range(of: "changed back by argocd-controller"), "\(said)")
            let ending = try #require(said.range(of: "ending the intercept"), "\(said)")
            #expect(reason.upperBound < ending.lowerBound, "\(said)")
            // The bound is for hanging only; what it takes is in the message.
            #expect(taken < .seconds(30), "\(taken)")
            // What the tool does not own, our annotation, goes a moment later.
            try await Cluster.eventually("nothing of ours is left on the Service", within: .seconds(20)) {
                try await leaf.snapshot().differences(from: before).isEmpty
            }
            try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)

            let replaced = try await Intercepting.start(of: leaf)
            defer { replaced.kill() }
            try await Cluster.kubectl("delete", "service", "leaf", "-n", leaf.namespace)
            try await Cluster.apply([manifest], in: leaf.namespace, Self.asArgo)
            #expect(await replaced.detour.ended() == 1)
            #expect(replaced.detour.errors.contains("deleted or made anew"), "\(replaced.detour.errors)")
            let fresh = try await Cluster.kubectl("get", "service", "leaf", "-n", leaf.namespace, "-o", "json")
            #expect(try JSONValue(parsing: fresh)["spec"]?["selector"] == ["app": "leaf"])
            try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)
        }
    }

    @Test(
        "With --on-revert reassert the Service is taken again from Argo CD and from a person, and given back in the end",
        .timeLimit(.minutes(5))
    )
    func reassertion() async throws {
        try await OwnLeaf.with("detour-reassert") { leaf in
            let manifest = Self.manifest(leaf.namespace)
            try await Cluster.apply([manifest], in: leaf.namespace, Self.asArgo)
            let shop = try await Intercepting.start(["--on-revert", "reassert", "--drain", "2s"], of: leaf)
            defer { shop.kill() }
            try await shop.untilDiverted()
            let swapped = try await leaf.snapshot()["spec"]

            for count in 1...2 {
                try await Cluster.apply([manifest], in: leaf.namespace, Self.asArgo)
                let text = "changed back by argocd-controller; it is swapped again (\(count) of 10 times)"
                try await shop.detour.says(text, within: .seconds(20))
                try await Cluster.eventually("the Service is swapped again", within: .seconds(20)) {
                    try await leaf.snapshot()["spec"] == swapped
                }
            }
            #expect(shop.detour.errors.contains("jsonPointers: [/spec/selector, /spec/ports]"))
            let selector = #"{"spec":{"selector":{"app":"leaf","system.codezero.io/session":null}}}"#
            try await Cluster.kubectl("patch", "service", "leaf", "-n", leaf.namespace, "-p", selector)
            try await shop.detour.says("(3 of 10 times)", within: .seconds(20))
            try await shop.untilDiverted()
            #expect(try await leaf.snapshot()["spec"] == swapped)

            #expect(await shop.stop() == 0)
            #expect(try await leaf.snapshot().differences(from: shop.before).isEmpty)
            try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)
        }
    }
}
