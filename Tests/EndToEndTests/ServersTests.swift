import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension AloneEndToEndTests {
    @Test(
        "API server and etcd die while intercepted, and the API server is away while it ends: bystanders never notice, nothing is left",
        .timeLimit(.minutes(5))
    )
    func serversDie() async throws {
        try await OwnLeaf.with("detour-servers") { leaf in
            let shop = try await Intercepting.start(["--drain", "2s"], of: leaf)
            defer { shop.kill() }
            try await shop.untilDiverted()
            let bystanders = try await Load.start(leaf.url, rate: 40, flags: ["--new-connections", "1"])
            defer { bystanders.process.signal(SIGKILL) }

            for server in ["kube-apiserver", "etcd"] {
                try await Shell.must(Cluster.script, "kill", server)
                // The tunnel's way leads through the API server; without it the original answers.
                for _ in 0..<20 {
                    let who = try await shop.answeredBy(matching: true)
                    #expect(who == "leaf/laptop" || who.hasPrefix("leaf/leaf-"), "\(server): \(who)")
                }
                try await Shell.must(Cluster.script, "restart", server)
                try await shop.untilDiverted()
            }

            try await Shell.must(Cluster.script, "kill", "kube-apiserver")
            shop.detour.signal(SIGINT)
            try await Task.sleep(for: .seconds(2))
            #expect(shop.detour.status == nil, "it ended although nothing is put back yet")
            try await Shell.must(Cluster.script, "restart", "kube-apiserver")
            #expect(await shop.detour.ended() == 0, "\(shop.detour.errors)")
            #expect(try await leaf.snapshot().differences(from: shop.before).isEmpty)
            try await Cluster.nothingIsLeft(of: "leaf", in: leaf.namespace, butEnding: true)
            let report = try await bystanders.finish()
            #expect(report.bad == 0 && report.ok > 100, "\(report)")
        }
    }
}
