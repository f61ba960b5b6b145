import Foundation

extension RunningProcess {
    /// The guardian of a `detour intercept`, as `/proc` tells: its child that says so on its command line. Nil where there is
    /// none, which is so until it writes to the cluster, once it has left, and after its own end.
    public var guardian: Int32? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.lazy.compactMap { Int32($0) }.first { pid in
            Self.parent(of: pid) == self.pid && Self.isGuardian(pid)
        }
    }

    /// The guardians of commands that were started with this variable, a guardian has its command's.
    ///
    /// - Parameter orphaned: leaves out those whose command is still there.
    public static func guardians(having variable: (name: String, value: String), orphaned: Bool) -> [Int32] {
        func isMarked(_ pid: Int32) -> Bool { self.variables(of: pid).contains("\(variable.name)=\(variable.value)") }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { pid in
            // Whoever is given an orphan, init(1) mostly, was not started with that.
            self.isGuardian(pid) && isMarked(pid) && !(orphaned && self.parent(of: pid).map(isMarked) ?? false)
        }
    }

    /// Ends a guardian whose command is dead; it would look at the cluster for a while yet, and wait for one that is away.
    public static func dismiss(guardian pid: Int32) {
        if self.isGuardian(pid) { kill(pid, SIGKILL) }
    }

    private static func isGuardian(_ pid: Int32) -> Bool {
        self.words(of: pid).dropFirst().starts(with: ["serve", "guardian"])
    }

    /// Whether a process is there, and has not ended.
    public static func runs(_ pid: Int32) -> Bool { self.stat(of: pid).map { $0[0] != "Z" && $0[0] != "X" } ?? false }

    /// Ends it as a power cut does: its guardian goes with it, and only the cluster is left to notice.
    public func losePower() {
        // The guardian first, or it would see the end of the other.
        if let guardian = self.guardian { kill(guardian, SIGKILL) }
        self.signal(SIGKILL)
    }

    /// The processes that a process has started, those that these have started, and so on, as `/proc` tells.
    public static func descendants(of pid: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let children = names.compactMap { Int32($0) }.filter { Self.parent(of: $0) == pid }
        return children + children.flatMap(self.descendants)
    }

    private static func parent(of pid: Int32) -> Int32? { self.stat(of: pid).flatMap { Int32($0[1]) } }

    /// What follows the name in proc(5)'s `stat`: state, parent, and so on; nil for a process that is gone.
    private static func stat(of pid: Int32) -> [Substring]? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? fields : nil
    }

    private static func words(of pid: Int32) -> [String] { self.strings("/proc/\(pid)/cmdline") }

    private static func variables(of pid: Int32) -> [String] { self.strings("/proc/\(pid)/environ") }

    private static func strings(_ path: String) -> [String] {
        (FileManager.default.contents(atPath: path) ?? Data()).split(separator: 0)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
