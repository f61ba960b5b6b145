import ClusterTestSupport
import Foundation
import KubernetesModel
import Testing

extension AloneEndToEndTests {
    @Test("Where no node takes Pods, the doctor and an intercept say so", .timeLimit(.minutes(5)))
    func doctorOfNodes() async throws {
        try await OwnLeaf.with("detour-nodes") { leaf in try await Patients(leaf: leaf).withoutNode() }
    }
}

/// What `detour doctor` says of a real cluster: every finding that this one can be given, and its mend.
///
/// Not to be had here, and seen in `DiagnosisTests` only: `server-version` (this API server is one of those Detour is made
/// for); `internalTrafficPolicy` and `trafficDistribution` (fields of later servers); `pod-security` that is broken (the
/// interceptor conforms to `restricted`); `interceptor-refused` (an intercept that is refused takes everything back within a
/// third of a second, so nobody can ask meanwhile: what it says itself is seen below). Nothing enforces NetworkPolicies here,
/// nor are there meshes: that these findings come and go is seen, and not what they warn of.
extension ElsewhereEndToEndTests {
    @Test(
        "A doctor finds each illness of a namespace, and nothing else; what it says to do is done",
        .timeLimit(.minutes(5))
    )
    func doctorOfNamespaces() async throws {
        try await OwnLeaf.with("detour-doctor") { leaf in
            let ward = try await Ward(leaf.namespace)
            for illness in ClusterIllness.all { try await ward.examine(illness) }
        }
    }

    @Test(
        "A doctor finds what intercepts leave, and intercepts fail as it says, and leave nothing",
        .timeLimit(.minutes(5))
    )
    func doctorOfIntercepts() async throws {
        try await OwnLeaf.with("detour-patient") { leaf in
            try await OwnLeaf.with("detour-refused") { other in
                async let left: Void = Patients(leaf: leaf).past()
                async let refused: Void = Patients(leaf: other).refused()
                _ = try await (left, refused)
            }
        }
    }

    @Test(
        "A user who lacks one verb of the Role is told that one, by the doctor and by an intercept, and who lacks none is not",
        .timeLimit(.minutes(5))
    )
    func doctorOfPermissions() async throws {
        try await OwnLeaf.with("detour-verbs") { leaf in try await VerbByVerb(leaf: leaf).examine() }
    }
}

/// One thing that is wrong with a namespace.
struct ClusterIllness: Sendable {
    /// What becomes of the mend.
    enum Cure: Sendable {
        /// It names programs or objects that are not here, or is no command.
        case told
        /// Its commands run.
        case runs
        /// Its commands run, and the finding is gone.
        case heals
    }

    var name: String
    /// What is made: the Service that is looked at, and what is wrong around it.
    var objects: [JSONValue]
    /// Severity and code of all that is found but what health has, too.
    var expected: [String]
    var cure: Cure = .told
    /// The Service that is looked at.
    var service = "leaf"
    /// Labels and annotations of the namespace, `label key=value`.
    var marks: [String] = []
    /// How the objects are applied.
    var applying: [String] = []
    /// More flags of the doctor: an image that is known to run here, unless images are the matter.
    var flags = ["--image", "docker.io/local/shop:1"]
    /// Found in a namespace in which nothing is wrong, where the Service has one Pod.
    static let health = ["note single-replica", "note open-connections"]
}

/// A namespace in which nothing is wrong, and which can be made ill.
struct Ward: Sendable {
    let namespace: String
    /// Where `detour` is that name, and `kubectl` finds the cluster.
    let bench: CommandBench

    init(_ namespace: String) async throws {
        self.namespace = namespace
        self.bench = try await CommandBench(name: "detour")
        // Each illness brings a Service of its own.
        try await Cluster.kubectl("delete", "service", "leaf", "-n", namespace)
        try await Cluster.apply(ClusterIllness.pods(in: namespace), in: namespace)
        try await Cluster.kubectl(
            "wait",
            "--for=condition=Ready",
            "pod",
            "-l",
            "app,app!=waiting",
            "-n",
            namespace,
            "--timeout=60s"
        )
    }

    /// Makes the namespace ill, asks the doctor, does what the mend says, and takes everything away.
    func examine(_ illness: ClusterIllness) async throws {
        try await Cluster.apply(illness.objects, in: self.namespace, illness.applying)
        for mark in illness.marks { try await self.mark(mark, isSet: true) }
        let found = try await self.untilFound(illness.expected, illness)
        #expect(found.names == illness.expected.sorted(), "\(illness.name): \(found)")
        if illness.cure != .told {
            for command in found.commands {
                let result = try await self.bench.run(command)
                #expect(result.status == 0, "\(illness.name): \(command): \(result)")
            }
        }
        if illness.cure == .heals {
            let left = try await self.untilFound([], illness)
            #expect(left.names.isEmpty, "\(illness.name), mended: \(left)")
        }
        for mark in illness.marks { try await self.mark(mark, isSet: false) }
        let kinds = "service,networkpolicy,resourcequota,limitrange,horizontalpodautoscaler,poddisruptionbudget"
        try await Cluster.kubectl("delete", kinds, "--all", "-n", self.namespace, "--wait=false")
    }

    /// What is found once controllers have had their say: a quota's use and a budget's are counted a moment later.
    private func untilFound(_ expected: [String], _ illness: ClusterIllness) async throws -> Found {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let result = try await self.bench.run(
                ["detour", "doctor", illness.service, "-n", self.namespace, "-o", "json"] + illness.flags
            )
            let found = try Found(
                result,
                but: illness.expected.contains("note single-replica") ? [] : ClusterIllness.health
            )
            if found.names == expected.sorted() || ContinuousClock.now > deadline { return found }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func mark(_ mark: String, isSet: Bool) async throws {
        let words = mark.split(separator: " ").map(String.init)
        let key = words[1].split(separator: "=")[0]
        try await Cluster.kubectl(words[0], "namespace", self.namespace, isSet ? words[1] : "\(key)-", "--overwrite")
    }
}
