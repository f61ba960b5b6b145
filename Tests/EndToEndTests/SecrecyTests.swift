import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

/// What an intercept leaves to be read, and what must be in none of it.
extension ElsewhereEndToEndTests {
    @Test(
        "No token, key, header value or body of a request is in what an intercept prints, logs, makes or passes on",
        .timeLimit(.minutes(5))
    )
    func secrecy() async throws {
        let folder = try await ConnectionFolder()
        defer { folder.remove() }
        try await OwnLeaf.with("detour-secrecy") { leaf in
            let scene = try await SecrecyScene(leaf, folder)
            defer { scene.local.signal(SIGKILL) }
            var evidence = Evidence()
            try await scene.beforehand(&evidence)
            try await scene.intercept(&evidence)
            try await scene.mirror(&evidence)
            try await scene.servicesKey(&evidence)
            try await scene.errors(&evidence)
            // What is nowhere proves nothing if nothing was looked at, or requests were not.
            for (place, word) in SecrecyScene.expected {
                #expect(
                    evidence.text(of: place).contains(word),
                    "\(word) is not in \(place): \(evidence.text(of: place))"
                )
            }
            // A mirror shows targets with their query, as its page says; that it is found shows that finding works.
            #expect(evidence.places(of: scene.secrets) == ["query in mirror, standard output"])
            #expect(evidence.privateKeys == [])
        }
    }
}
