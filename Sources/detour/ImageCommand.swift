import ArgumentParser
import Foundation
import KubernetesModel
import OCIImage

/// `detour image`: this very program as an OCI image, without Docker and without a base image.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Save or push this program as an OCI image.",
        discussion: """
            The interceptor in the cluster is this very program; its image is made here, without Docker.

            \(ProgramName.typed) image push registry.example/team/detour:1
            \(ProgramName.typed) image save detour.tar
            """,
        subcommands: [Save.self, Push.self]
    )

    struct Save: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the image to a file that ctr, nerdctl, podman and docker can load.",
            discussion: """
                Prints the image's name with its digest.

                \(ProgramName.typed) image save detour.tar && ctr -n k8s.io images import detour.tar
                """
        )

        @Argument(help: ArgumentHelp("The file to write.", valueName: "FILE"), completion: .file())
        var file: String

        @Option(help: ArgumentHelp("The image's name.", valueName: "IMAGE"))
        var name: String = Program.image

        @Flag(help: "Also print every file of the image.")
        var list = false

        func run() async throws {
            try await Failure.reported {
                let contents = try ImageContents(program: "/proc/self/exe")
                let reference = try ImageReference(parsing: self.name)
                let digest = try ImageArchive.write(contents: contents, reference: reference, to: self.file)
                Terminal.say("wrote \(reference) (\(digest)) to \(self.file)")
                Terminal.print("\(reference.pinned(to: digest))")
                if self.list {
                    for entry in contents.entries { Terminal.print("\(entry.size)\t\(entry.path)") }
                }
            }
        }
    }

    struct Push: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Push the image to a registry, with the credentials of docker login or podman login.",
            discussion: """
                Prints the image's name with its digest: what --image takes.

                \(ProgramName.typed) image push registry.example/team/detour:1
                """
        )

        @Argument(help: ArgumentHelp("The image's name, with the registry.", valueName: "REGISTRY/NAME[:TAG]"))
        var reference: String

        @Flag(help: "Speak HTTP to the registry; loopback addresses always do.")
        var plainHTTP = false

        func run() async throws {
            try await Failure.reported {
                let contents = try ImageContents(program: "/proc/self/exe")
                let reference = try ImageReference(parsing: self.reference)
                let credentials = try RegistryCredentials.forRegistry(
                    of: reference,
                    environment: ProcessInfo.processInfo.environment
                )
                let digest = try await ImagePush.push(
                    contents,
                    to: reference,
                    credentials: credentials,
                    plainHTTP: self.plainHTTP
                )
                Terminal.print("\(reference.pinned(to: digest))")
            }
        }
    }
}
