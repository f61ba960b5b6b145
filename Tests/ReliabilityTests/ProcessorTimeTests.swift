import KubernetesModel
import Testing

@testable import reliability

@Suite("The processor time of those on the way of a request")
struct ProcessorTimeTests {
    // Field 14 is 7 ticks of user, 15 is 5 of system, 16 and 17 are those of children that ended.
    private let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 0 0 7 5 30 20 20 0 9 0 100 1000"

    @Test("user and system of the process, and those of children that ended, whatever is in the name")
    func fields() {
        #expect(ProcessorTime.microseconds(self.stat, 11...12) == 120_000)
        #expect(ProcessorTime.ofClients(stat: self.stat) == .init(role: "client", microseconds: 500_000))
        #expect(ProcessorTime.microseconds("42 (a) S 1", 11...12) == nil)
        #expect(ProcessorTime.microseconds("", 11...12) == nil)
    }

    @Test(
        "who is who",
        arguments: [
            (["/cache/hyperkube", "kube-apiserver", "--etcd-servers=x"], "kube-apiserver"),
            (["containerd", "--config", "x"], "containerd"), (["/usr/bin/containerd-shim-runc-v2"], nil),
            (["/usr/local/bin/detour", "serve", "interceptor", "--config", "x"], "interceptor"),
            (["/opt/detour", "intercept", "leaf"], "detour-intercept"), (["/opt/detour", "serve", "guardian"], nil),
            (["/shop"], "pods"), (["/cache/bin/shop-59a0", "--role", "leaf"], "server"),
            (["/cache/bin/fixtures-59a0", "serve", "bulk"], "server"), (["/cache/bin/fixtures-59a0", "load"], nil),
            (["/fixtures", "serve", "bulk"], "pods"), (["/cache/bin/relay-4462", "-fd", "4"], "relay"), ([], nil),
        ] as [([String], String?)]
    )
    func roles(_ words: [String], _ expected: String?) {
        #expect(ProcessorTime.role(words) == expected)
    }

    @Test("what was used between two moments: new ones count whole, those that ended are left out")
    func between() {
        var earlier = ProcessorTime()
        var later = ProcessorTime()
        earlier.shares = [
            1: .init(role: "kubelet", microseconds: 100), 2: .init(role: "pods", microseconds: 50),
            3: .init(role: "kubectl", microseconds: 900), 5: .init(role: "kubectl", microseconds: 10),
        ]
        later.shares = [
            1: .init(role: "kubelet", microseconds: 400), 2: .init(role: "pods", microseconds: 60),
            // The same number, twice another process.
            3: .init(role: "pods", microseconds: 930), 4: .init(role: "pods", microseconds: 7),
            5: .init(role: "kubectl", microseconds: 4),
        ]
        let used = later.since(earlier)
        #expect(used == ["kubelet": 300, "pods": 947, "kubectl": 4])
        let members = ProcessorTime.members(used, of: 4, named: "cpu_us")
        #expect(members == ["cpu_us": 312, "cpu_us_kubelet": 75, "cpu_us_pods": 236, "cpu_us_kubectl": 1])
        #expect(ProcessorTime.members(used, of: 0, named: "cpu_us") == [:])
    }

    @Test("this machine tells, and the time of a child that ended is among it")
    func thisMachine() throws {
        let shares = ProcessorTime.now().shares
        #expect(shares.values.contains { $0.role == "client" })
    }
}
