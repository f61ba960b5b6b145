import Foundation
public import KubernetesModel

/// An intercept of the demo shop's leaf, with a local leaf process, for the length of a test.
public struct Intercepting: Sendable {
    /// The command.
    public let detour: RunningProcess
    /// The local leaf.
    public let local: RunningProcess
    /// The URL of the shop's frontend, or of a leaf that is in a namespace of its own.
    public let frontend: String
    /// Where the leaf is.
    public let namespace: String
    /// The Service as it was.
    public let before: JSONValue

    /// Starts the local leaf and the intercept, and waits until it is ready.
    ///
    /// - Parameters:
    ///   - match: the flags that say which requests.
    ///   - name: what the local leaf says of itself.
    ///   - own: the leaf, where it is not the shop's.
    ///   - environment: variables of the command's beside those that lead to the cluster.
    public static func start(
        _ flags: [String] = [],
        match: [String] = ["-x", "X-C6O-INTERCEPT:yes"],
        name: String = "laptop",
        of own: OwnLeaf? = nil,
        environment: [String: String] = [:]
    ) async throws -> Intercepting {
        let namespace = own?.namespace ?? "shop"
        let before = try await Cluster.snapshot("leaf", in: namespace)
        let frontend =
            if let own { own.url } else { try await Cluster.url("shop/frontend", 80) }
        let (local, port) = try await LocalLeaf.start(name: name)
        // Somebody else's, where it is one of several: `--close` ends one's own.
        let detour = try await self.launch(
            port: port,
            flags: match + flags,
            user: name == "laptop" ? nil : name,
            in: namespace,
            environment: environment
        )
        do {
            try await detour.says("ready:", within: .seconds(90))
        } catch {
            detour.signal(SIGINT)
            local.signal(SIGKILL)
            throw error
        }
        return Intercepting(
            detour: detour,
            local: local,
            frontend: frontend,
            namespace: namespace,
            before: before
        )
    }

    /// Starts the command and waits for nothing.
    ///
    /// - Parameters:
    ///   - port: where the local leaf listens.
    ///   - flags: which requests, and how.
    ///   - user: whose intercept it is; nil for this user's.
    ///   - namespace: where the leaf is.
    ///   - environment: variables beside those that lead to the cluster.
    public static func launch(
        port: Int,
        flags: [String],
        user: String? = nil,
        in namespace: String = "shop",
        environment: [String: String] = [:]
    ) async throws -> RunningProcess {
        var environment = try await Cluster.environment().merging(environment) { $1 }
        if let user { environment["USER"] = user }
        return try RunningProcess(
            [Cluster.detour, "intercept", "leaf", "-n", namespace, "-p", "80:\(port)"] + flags,
            environment: environment
        )
    }

    /// Who answers one request through frontend: `leaf/laptop`, or a Pod.
    public func answeredBy(matching: Bool) async throws -> String {
        try await Shop.answeredBy(self.frontend, matching: matching)
    }

    /// Waits until matching requests are answered by the laptop: connections older than the swap have to end first.
    public func untilDiverted() async throws {
        // Several Pods keep connections of their own: many answers in a row say that the old ones have ended.
        try await Cluster.eventually("matching requests are answered by the laptop", within: .seconds(25)) {
            for _ in 0..<10 where try await self.answeredBy(matching: true) != "leaf/laptop" { return false }
            return true
        }
    }

    /// Ends both processes at once, as a test that failed leaves them.
    public func kill() {
        self.detour.signal(SIGKILL)
        self.local.signal(SIGKILL)
    }

    /// Ends everything; Ctrl-C for detour.
    public func stop() async -> Int32 {
        self.detour.signal(SIGINT)
        let status = await self.detour.ended()
        self.local.signal(SIGKILL)
        return status
    }
}

/// The demo shop, asked through its frontend.
public enum Shop {
    /// Who answered one request.
    public static func answeredBy(_ frontend: String, matching: Bool) async throws -> String {
        try await self.answeredBy(frontend, value: matching ? "yes" : nil)
    }

    /// Who answered one request that has a value of the header that intercepts go by, or does not have the header.
    public static func answeredBy(_ frontend: String, value: String?) async throws -> String {
        let header = value.map { ["-H", "X-C6O-INTERCEPT: \($0)"] } ?? []
        let result = try await Shell.run(
            ["curl", "-sS", "-m", "5", "--noproxy", "*"] + header + ["\(frontend)/n/7"]
        )
        let json = try? JSONValue(parsing: result.output)
        return json?["answeredBy"]?.string ?? "nobody: \(result)"
    }
}

extension Shop {
    /// Who answers one request to one of its services, on a connection of its own; `nobody: …` when that is not told.
    public static func whoAnswers(_ url: String, _ path: String, _ flags: [String]) async throws -> String {
        let result = try await Shell.run(["curl", "-sS", "-m", "5", "--noproxy", "*"] + flags + ["\(url)\(path)"])
        return (try? JSONValue(parsing: result.output))?["answeredBy"]?.string ?? "nobody: \(result)"
    }
}

/// The shop's leaf as a process of this machine.
public enum LocalLeaf {
    /// Starts it, on a free port of loopback unless others are asked for, and waits until it listens.
    public static func start(
        host: String = "127.0.0.1",
        port: Int = 0,
        name: String = "laptop"
    ) async throws -> (RunningProcess, port: Int) {
        let process = try RunningProcess(
            [
                try Cluster.program("DETOUR_SHOP"), "--role", "leaf", "--host", host, "--port", String(port),
                "--name", name,
            ]
        )
        try await process.says("listens on", within: .seconds(5))
        guard let match = process.errors.firstMatch(of: #/listens on \S+:(\d+)\s/#), let port = Int(match.1)
        else {
            throw ShellFailure(description: "no port in: \(process.errors)")
        }
        return (process, port)
    }
}
