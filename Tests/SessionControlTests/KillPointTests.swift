import InterceptPlanning
import KubernetesClient
import KubernetesModel
import KubernetesTestSupport
import SessionControl
import Testing

/// How a client's calls end from a certain one on, as if it had been killed there.
struct KillPoint: Sendable, CustomTestStringConvertible {
    var call: Int
    /// Whether the fatal call still reached the server.
    var reachesServer: Bool
    var testDescription: String { "call \(self.call)\(self.reachesServer ? ", after the server did it" : "")" }
}

@Suite("A client killed at any API call leaves nothing that the next one cannot put back")
struct KillPointTests: InterceptScenario {
    /// More than any scenario here has calls; the last test checks that.
    private static let calls = 100
    private static let killPoints = (0..<calls).flatMap {
        [KillPoint(call: $0, reachesServer: false), KillPoint(call: $0, reachesServer: true)]
    }

    @Test("By closing the session", .timeLimit(.minutes(5)), arguments: SessionKind.allCases, killPoints)
    func close(kind: SessionKind, point: KillPoint) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service, kind)
        server.setFault { _ in nil }
        _ = try await SessionEnding(store: self.store(server)).close(reason: "tidy", force: false, patience: .zero)
        try self.expectUntouched(server, service)
    }

    @Test("By closing the session with force", .timeLimit(.minutes(5)), arguments: SessionKind.allCases, killPoints)
    func force(kind: SessionKind, point: KillPoint) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service, kind)
        server.setFault { _ in nil }
        _ = try await SessionEnding(store: self.store(server)).close(reason: "tidy", force: true)
        try self.expectUntouched(server, service)
    }

    @Test(
        "Even when the Session was deleted by hand",
        .timeLimit(.minutes(5)),
        arguments: SessionKind.allCases,
        killPoints
    )
    func sessionDeleted(kind: SessionKind, point: KillPoint) async throws {
        let (cluster, service) = self.world(kind)
        let (server, _) = self.server(cluster, dyingAt: point)
        try? await self.intercept(self.store(server), service, kind)
        server.setFault { _ in nil }
        let store = self.store(server)
        self.deleteSession(server, kind)
        _ = try await SessionEnding(store: store).close(reason: "tidy", force: false, patience: .zero)
        try self.expectUntouched(server, service)
    }

    @Test("The kill points cover the whole scenario", arguments: SessionKind.allCases)
    func coverage(kind: SessionKind) async throws {
        let (cluster, service) = self.world(kind)
        let (server, calls) = self.server(cluster, dyingAt: nil)
        try await self.intercept(self.store(server), service, kind)
        try self.expectUntouched(server, service)
        #expect(calls() < Self.calls)
        #expect(calls() > Self.calls / 2, "so many kill points that most never happen: \(calls())")
    }
}
