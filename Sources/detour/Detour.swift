import ArgumentParser
import Foundation

/// The program: one executable that plays every role.
@main
struct Detour: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: ProgramName.typed,
        abstract: "Take traffic that was going to one place, send it to another, and put everything back.",
        discussion: """
            \(ProgramName.typed) intercept leaf -n shop -p 80:3000 -x 'X-C6O-INTERCEPT:yes'
            answers the requests to Service leaf that carry this header from port 3000 of this machine, and leaves all \
            others as they are. Ctrl-C ends it, and the cluster is what it was.

            \(ProgramName.typed) doctor leaf -n shop says beforehand what would be in the way, and how to mend it.
            """,
        version: Program.version,
        subcommands: [InterceptCommand.self, SessionCommand.self, DoctorCommand.self, ExplainCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Administrators'",
                subcommands: [InstallCommand.self, ImageCommand.self, ServeCommand.self]
            )
        ]
    )

    static func main() async {
        await Invocation(words: Array(CommandLine.arguments.dropFirst())).run()
    }
}

/// What this build is.
enum Program {
    /// The version, as `--version` prints it.
    static let version = "0.1.0"
    /// The image an interceptor runs when `--image` and `DETOUR_IMAGE` say nothing else.
    static let image = "docker.io/detour/detour:\(version)"

    /// The image an interceptor runs: the one asked for, the environment's, or this build's own.
    static func interceptorImage(asked: String?) -> String {
        asked ?? ProcessInfo.processInfo.environment["DETOUR_IMAGE"] ?? self.image
    }

    /// Who runs the program: `user@host`, the name other developers are shown.
    static var owner: String {
        let user = ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
        return "\(user.isEmpty ? "unknown" : user)@\(ProcessInfo.processInfo.hostName)"
    }
}
