import APIFaults
import ClusterTestSupport
import Foundation

/// strace(1) around a command: it writes down the system calls of one, or kills it at one of them.
///
/// The tracer stands aside (`-D`), so the process that is started is the command itself; and what that one starts, its
/// guardian, is let go (`-b execve`).
enum SystemCalls {
    /// What is traced: networking, file descriptors, processes.
    private static let classes = "%net,%desc,%process"
    private static let strace = ["strace", "-D", "-f", "-b", "execve", "-qq"]

    /// The words before a command whose system calls are to be written to a file.
    static func recording(to file: String) -> [String] {
        self.strace + ["-o", file, "-e", "trace=\(self.classes)"]
    }

    /// The words before a command that gets SIGKILL where a thread of it enters a call for the Nth time; the kernel does not
    /// carry that out.
    static func killing(at point: KillPoint) -> [String] {
        let inject = "inject=\(point.request):signal=SIGKILL:when=\(point.occurrence)"
        return self.strace + ["-o", "/dev/null", "-e", "trace=\(point.request)", "-e", inject]
    }

    /// The points of a life, from what strace wrote: each call as often as the thread that made most of them did.
    static func points(of trace: String) -> [KillPoint] {
        var counts: [Substring: [Substring: Int]] = [:]
        for line in trace.split(separator: "\n") {
            // What follows `<...` is the end of a call that has been told of; `+++` and `---` are no calls.
            guard let match = line.prefixMatch(of: #/(\d+) +([a-z0-9_]+)\(/#) else { continue }
            counts[match.2, default: [:]][match.1, default: 0] += 1
        }
        return counts.sorted { $0.key < $1.key }.flatMap { name, threads in
            (1...(threads.values.max() ?? 1)).map {
                KillPoint(context: .syscalls, request: String(name), occurrence: $0, moment: .before)
            }
        }
    }
}
