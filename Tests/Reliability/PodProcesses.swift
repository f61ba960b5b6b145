import Foundation

/// The processes of Pods, where the node is this machine, as proc(5) tells; not the ones that only hold a Pod's namespaces.
enum PodProcesses {
    /// Those of a Pod, by its UID.
    static func of(pod uid: String) -> [Int32] {
        self.all.filter { pid in
            guard self.text("cgroup", of: pid).contains("pod\(uid)") else { return false }
            let program = self.words("cmdline", of: pid).first ?? ""
            return !program.isEmpty && !["pause", "sleep"].contains { program.hasSuffix("/\($0)") }
        }
    }

    /// Those of the interceptors in a namespace, oldest Pod first; no API server is asked, for it may be away.
    static func ofInterceptors(in namespace: String) -> [Int32] {
        self.all.sorted().filter { pid in
            self.words("cmdline", of: pid).dropFirst().starts(with: ["serve", "interceptor"])
                && self.words("environ", of: pid).contains("POD_NAMESPACE=\(namespace)")
        }
    }

    private static var all: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(Int32.init)
    }

    private static func text(_ name: String, of pid: Int32) -> String {
        String(decoding: FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") ?? Data(), as: UTF8.self)
    }

    private static func words(_ name: String, of pid: Int32) -> [String] {
        self.text(name, of: pid).split(separator: "\0").map(String.init)
    }
}
