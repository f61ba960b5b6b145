import ArgumentParser
import Intercept
import InterceptPlanning
import KubernetesModel

/// How a command fails: its message on stderr, and exit status 1.
enum Failure {
    /// Runs a command's work; what it throws is said in its own words.
    static func reported(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as ValidationError {
            throw error
        } catch let error as ExitCode {
            throw error
        } catch {
            Terminal.say("\(error)", .error)
            throw ExitCode.failure
        }
    }
}
