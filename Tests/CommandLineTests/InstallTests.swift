import ArgumentParser
import InterceptPlanning
import KubernetesModel
import TestSupport
import Testing

@testable import detour

@Suite("The install command")
struct InstallTests {
    private func text(_ words: String...) throws -> String {
        let command = try InstallCommand.parse(words)
        return try command.installation().text(command.output) + "\n"
    }

    @Test("The manifests of a namespace")
    func namespace() throws {
        let text = try self.text(
            "-n",
            "shop",
            "--user",
            "ada",
            "--group",
            "team:web",
            "--service-account",
            "ci:robot",
            "--service",
            "leaf",
            "--dry-run"
        )
        try expectGolden(text, "install-namespace.yaml")
    }

    @Test("The manifests of a namespace in which Sessions are kept in ConfigMaps")
    func configMaps() throws {
        try expectGolden(
            try self.text("-n", "shop", "--service", "leaf", "--config-maps", "--dry-run"),
            "install-configmaps.yaml"
        )
    }

    @Test("The manifests of a namespace in which what interceptors run as is made once")
    func interceptors() throws {
        try expectGolden(
            try self.text("-n", "shop", "--service", "leaf", "--interceptors", "--dry-run"),
            "install-interceptors.yaml"
        )
    }

    @Test("The manifests of the cluster")
    func cluster() throws {
        try expectGolden(try self.text("--cluster", "--dry-run"), "install-cluster.yaml")
    }

    @Test("As JSON they are one List")
    func json() throws {
        let list = try JSONValue(parsing: self.text("-n", "shop", "--user", "ada", "--dry-run", "-o", "json"))
        #expect(list["kind"] == "List")
        #expect(list["items"]?.array?.map { $0["kind"] } == ["Role", "RoleBinding"])
    }

    @Test("What became of the objects, as a table and as JSON")
    func report() throws {
        let items = Installation.namespace("shop", subjects: [try #require(Subject(.user, "ada"))], services: []).items
        var found = items[1].manifest
        found["subjects"] = []
        let report = InstallReport(steps: [
            try InstallStep(items[0], found: nil), try InstallStep(items[1], found: found),
            try InstallStep(Installation.cluster.items[0], found: SessionDefinition.manifest),
        ])
        try expectGolden(report.output.text(.table) + "\n", "install.txt")
        try expectGolden(report.output.text(.json) + "\n", "install.json")
    }

    @Test(
        "What makes no sense together is refused",
        arguments: [
            ([], "say where"), (["--user", "ada"], "say where"), (["--cluster", "-n", "shop"], "say where"),
            (["--cluster", "--user", "ada"], "go with -n"), (["--cluster", "--service", "leaf"], "go with -n"),
            (["--cluster", "--config-maps"], "go with -n"),
            (["--cluster", "--interceptors"], "go with -n"), (["-n", "shop", "--interceptors"], "of which Services"),
            (["-n", "shop", "--user", ""], "--user takes"),
            (["--cluster", "--restart", "deployment/leaf"], "go with -n"),
            (["-n", "shop", "--restart", "leaf"], "--restart takes KIND/NAME"),
            (["-n", "shop", "--service-account", "a:"], "NAMESPACE:NAME"), (["-n", ""], "not empty"),
            (["-n", "shop", "--service", ""], "not empty"),
        ] as [([String], String)]
    )
    func refused(words: [String], says: String) {
        do {
            _ = try InstallCommand.parse(words)
            Issue.record("\(words) was taken")
        } catch {
            #expect(InstallCommand.message(for: error).contains(says), "\(error)")
        }
    }
}
