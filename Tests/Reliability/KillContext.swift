extension KillPoint {
    /// What the command does, who else is there, and who dies.
    enum Context: String, Sendable, Hashable, CaseIterable {
        /// It intercepts; nobody else does. Killed anywhere from its start to its end.
        case alone
        /// It intercepts what somebody else intercepts too. Killed before Ctrl-C.
        case joining
        /// The same, killed after Ctrl-C.
        case leaving
        /// `intercept --close` of an intercept that is there.
        case closing
        /// `session close --force` of an intercept that is there.
        case forcing
        /// It intercepts alone, and is killed at a system call in place of a request.
        case syscalls
        /// As ``alone``, where the API server does not know Sessions and the user may not make them known.
        case configmaps
        /// It intercepts alone, with two interceptors; the processes of one of them are killed.
        case pods
        /// It intercepts alone, with two interceptors; one is evicted.
        case evictions
        /// It intercepts alone; the API server is killed, and comes back.
        case apiserver
        /// The same of etcd, without which an API server cannot do much.
        case etcd
        /// It intercepts alone, and dies together with its guardian; its interceptor is killed a while later.
        case powercut

        /// What it says to `detour`, where it ends an intercept that is there.
        var ending: [String]? {
            switch self {
            case .closing: ["intercept", "leaf", "--close"]
            case .forcing: ["session", "close", "leaf", "--force"]
            default: nil
            }
        }

        /// Whether somebody else's intercept goes on meanwhile.
        var hasOther: Bool { self == .joining || self == .leaving }

        /// Who dies.
        var prey: Prey {
            switch self {
            case .pods: .pod
            case .evictions: .evicted
            case .apiserver: .server("kube-apiserver")
            case .etcd: .server("etcd")
            case .powercut: .all
            default: .command
            }
        }

        /// What else the proxy does wrong all the time.
        var rules: [String] { self == .configmaps ? Restricted.withoutDefinition : [] }

        /// With which others it shares namespaces and bystanders.
        var round: Round {
            if self.prey.server != nil { return .away }
            return self.prey.losesConnections ? .losing : .losingNothing
        }
    }

    /// Contexts that are tried at the same time.
    enum Round: String, Sendable, Hashable, CaseIterable {
        /// Bystanders ask from the first life to the last; none of them may notice anything.
        case losingNothing = "kills"
        /// Bystanders of a life are its own: some lose what the dead held.
        case losing = "kills-losing"
        /// One life at a time, for what dies is everybody's.
        case away = "kills-away"

        /// Whether bystanders ask from the first life to the last.
        var hasBystanders: Bool { self != .losing }
    }

    /// Who dies at a point.
    enum Prey: Sendable, Hashable {
        /// The command.
        case command
        /// One of two interceptors: its processes get SIGKILL, and what is on its connections is lost, whoever's it is.
        case pod
        /// An interceptor that is told: the Eviction API is asked.
        case evicted

        /// A part of the control plane, as scripts/cluster names it; it is started again a while later.
        case server(String)

        /// Command, guardian, and the only interceptor.
        case all

        /// Which part of the control plane; nil for somebody else.
        var server: String? {
            if case .server(let name) = self { name } else { nil }
        }
        /// Whether somebody loses what the dead held.
        var losesConnections: Bool { self == .pod || self == .all }
        /// Whether the command makes it, so that it is not there from the beginning.
        var isOfIntercept: Bool { self == .pod || self == .evicted }
        /// How many interceptors the command is to have; nil for what it thinks right.
        var replicas: Int? { self == .pod || self == .evicted ? 2 : nil }
    }
}
