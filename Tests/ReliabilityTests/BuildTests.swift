import KubernetesModel
import Testing

@testable import reliability

@Suite("What is measured, before and after")
struct BuildTests {
    private let build = Build(commit: "c0ffee", binary: "b1", image: "sha256:1", nodeImage: "sha256:0")

    @Test(
        "A change of sources, command or the node's image in the meantime is a problem; an image of before the start is none"
    )
    func changed() {
        var end = self.build
        end.nodeImage = "sha256:1"
        #expect(self.build.problems(atEnd: end).isEmpty)
        end.nodeImage = nil
        #expect(self.build.problems(atEnd: end).isEmpty)
        end.nodeImage = "sha256:2"
        #expect(self.build.problems(atEnd: end).count == 1)
        end.commit = "c0ffee and changes"
        #expect(self.build.problems(atEnd: end).count == 2)
        end.binary = "b2"
        #expect(self.build.problems(atEnd: end).count == 3)
        end.image = "sha256:2"
        #expect(self.build.problems(atEnd: end).last?.contains("sha256:2 is not the command's, sha256:1") == true)
    }

    @Test("The node's image is the one that has the name now, not one that had it")
    func image() {
        let nodes: JSONValue = [
            "items": [
                [
                    "status": [
                        "images": [
                            ["names": ["docker.io/detour/detour@sha256:old"]],
                            ["names": ["docker.io/detour/detour@sha256:new", "docker.io/detour/detour:1.0"]],
                        ]
                    ]
                ]
            ]
        ]
        #expect(Build.digest(of: "docker.io/detour/detour:1.0", on: nodes) == "sha256:new")
        #expect(Build.digest(of: "docker.io/detour/detour:2.0", on: nodes) == nil)
        #expect(Build.digest(of: "docker.io/detour/detour:1.0", on: .null) == nil)
    }

    @Test("What was wrong with a batch is among the problems of the document")
    func counted() throws {
        var document = Document(nil)
        let about: JSONValue = ["commit": "c", "problems": ["the command changed"]]
        let batch = Document.Batch(scenario: .cycles, about: about, runs: [[:]], bystanders: [])
        try document.take(batch, appends: false)
        #expect(document.json["problems"] == 1)
        try document.take(batch, appends: true)
        #expect(document.json["problems"] == 2)
    }
}
