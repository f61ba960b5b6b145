import ArgumentParser
import Foundation
import Intercept
import KubernetesClient

/// `detour serve guardian`: stands by an intercept, and puts things back when that one's process is killed.
struct GuardianRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guardian",
        abstract: "Put back what a killed intercept left; 'intercept' starts this itself.",
        shouldDisplay: false
    )

    /// The words that name this command.
    static let words = ["serve", "guardian"]

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        guard let order = Guardianship.awaitedOrder(on: STDIN_FILENO) else { return }
        // From here on it is to end when it is told to, as any other program.
        signal(SIGTERM, SIG_DFL)
        try await self.connection.withClient(notice: { _ in }) { client in
            await Guardianship(order, client: client).run()
        }
    }
}
