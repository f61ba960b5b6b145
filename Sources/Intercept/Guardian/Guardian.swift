import CSpawn
import Foundation
import InterceptPlanning
import Synchronization

/// A second process of this program that outlives this one, and puts back what this one was killed over.
///
/// It is there only while there is something to put back. Until this process is gone it waits at the end of a socket, and
/// that end is what tells it: of a death by SIGKILL nobody is told in any other way.
public final class Guardian: Sendable {
    private struct Post: Sendable {
        var pid: Int32
        var line: Int32
    }

    private struct State: Sendable {
        var post: Post?
        /// Those that were let go, and whose end nobody has taken note of.
        var former: [Int32] = []
        var hasWarned = false
    }

    private let program: String
    private let words: [String]
    private let warn: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// A guardian that was not started yet.
    ///
    /// - Parameters:
    ///   - program: its file; this very program when left out.
    ///   - words: its arguments, after the program's name.
    ///   - warn: told once, in a sentence, when none can be started.
    public init(
        program: String = Guardian.ownProgram,
        words: [String],
        warn: @escaping @Sendable (String) -> Void
    ) {
        self.program = program
        self.words = words
        self.warn = warn
    }

    deinit { self.watch(over: nil) }

    /// This program's file. On Linux it is found even where another version has been put in its place.
    public static var ownProgram: String {
        #if os(Linux)
            let link = "/proc/self/exe"
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
            // By its own name where that leads to it, because `ps` shows it.
            return path.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil } ?? link
        #else
            return Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
        #endif
    }

    /// Whether somebody would put things back if this process ended now.
    public var isThere: Bool { self.state.withLock { $0.post != nil } }

    /// Says what is to be put back should this process die, or that nothing is any more. Returns when that holds.
    ///
    /// - Parameter order: what; nil for nothing, which ends the guardian.
    public func watch(over order: GuardianOrder?) {
        let trouble = self.state.withLock { state -> String? in
            guard let order else {
                Self.dismiss(&state)
                return nil
            }
            var trouble = ""
            // One that somebody has ended is replaced.
            for _ in 0..<2 {
                let post: Post
                switch state.post.map(Result.success) ?? self.start(&state) {
                case .success(let started): post = started
                case .failure(let refusal):
                    trouble = refusal.reason
                    continue
                }
                state.post = post
                if Self.tell(.order(order), post.line) { return nil }
                trouble = "it does not take what it is told"
                Self.dismiss(&state)
            }
            defer { state.hasWarned = true }
            return state.hasWarned ? nil : trouble
        }
        guard let trouble, let names = order?.session.names else { return }
        self.warn(
            "there is no guardian for this command (\(trouble)): should it be killed while it begins, what it made stays until "
                + "`detour session close \(names.service) -n \(names.namespace)`; later, the interceptor restores the "
                + "Service as it would for a machine that is gone"
        )
    }

    private struct Refusal: Error { var reason: String }

    private func start(_ state: inout State) -> Result<Post, Refusal> {
        // Their ends are taken note of here, and by init(1) after this process.
        state.former.removeAll { waitpid($0, nil, WNOHANG) != 0 }
        var arguments = ([CommandLine.arguments.first ?? "detour"] + self.words).map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var line: Int32 = -1
        let pid = detour_spawn_guardian(self.program, &arguments, &line)
        guard pid > 0 else {
            return .failure(Refusal(reason: "cannot run \(self.program): \(String(cString: strerror(-pid)))"))
        }
        return .success(Post(pid: pid, line: line))
    }

    private static func dismiss(_ state: inout State) {
        guard let post = state.post else { return }
        _ = Self.tell(.done, post.line)
        close(post.line)
        state.former.append(post.pid)
        state.post = nil
    }

    private static func tell(_ line: GuardianLine, _ descriptor: Int32) -> Bool {
        let bytes = line.bytes
        return detour_tell(descriptor, bytes, bytes.count)
    }
}
