import ArgumentParser
import Intercept
import KubernetesModel
import OCIImage
import TrafficMatch

/// How a command fails: its message on stderr, and exit status 1; 64 where the command line cannot be meant.
enum Failure {
    /// Runs a command's work; what it throws is said in its own words.
    static func reported(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as ValidationError {
            throw error
        } catch let error as ExitCode {
            throw error
        } catch let error as MatchError {
            throw ValidationError("\(error)")
        } catch let error as InterceptError where error.code == .badArgument {
            throw ValidationError(error.message)
        } catch let error as ImageError where error.code == .invalidReference {
            throw ValidationError("\(error)")
        } catch let error as KubernetesError where error.isForbidden && error.request?.contains("/namespaces/") == true
        {
            Terminal.say(
                "\(error); an administrator decides that: `detour install -n NAMESPACE --user YOU` gives what intercepts in a "
                    + "namespace need",
                .error
            )
            throw ExitCode.failure
        } catch {
            Terminal.say("\(error)", .error)
            throw ExitCode.failure
        }
    }
}
