import Foundation
import GatewayCore
import Testing

@testable import Gateway

@Suite("TLS in the settings file")
struct TLSFileTests {
    /// Reads listeners in a folder with the files `c`, `k` and `big`.
    private func settings(_ listener: String) throws -> GatewaySettings {
        let folder = NSTemporaryDirectory() + "detour-tls-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in ["c": "a certificate", "k": "a secret", "big": String(repeating: "x", count: 1 << 20 + 1)] {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        return try GatewayFile.settings(
            """
            listeners: [{\(listener.replacing("DIR", with: folder))}]
            clusters: [{name: all, endpoints: [127.0.0.1:1]}]
            """,
            file: "f"
        )
    }

    private static let routes = "address: 127.0.0.1:1, routes: [{cluster: all}]"
    private static let both = "certificate: DIR/c, key: DIR/k"

    @Test(
        "the files are read, and 1.2 is spoken unless it says otherwise",
        arguments: [
            routes, "address: 127.0.0.1:1, forward: {}",
        ]
    )
    func pair(listener: String) throws {
        let rules = try #require(try self.settings("\(listener), tls: {\(Self.both)}").listeners[0].tls)
        #expect(rules.certificate.bytes == Array("a certificate".utf8) && rules.key.bytes == Array("a secret".utf8))
        #expect(rules.clientAuthority == nil && !rules.isModern && rules.files == [rules.certificate, rules.key])
        let more = "tls: {\(Self.both), client-authority: DIR/c, minimum-version: 1.3}"
        let other = try #require(try self.settings("\(listener), \(more)").listeners[0].tls)
        #expect(other.clientAuthority?.bytes == other.certificate.bytes && other.isModern && other.files.count == 3)
        #expect(try self.settings(listener).listeners[0].tls == nil)
    }

    @Test("what a key holds is shown nowhere")
    func secret() throws {
        let settings = try self.settings("\(Self.routes), tls: {\(Self.both)}")
        var dumped = ""
        dump(settings, to: &dumped)
        let config = String(decoding: try JSONEncoder().encode(GatewayReport(settings)), as: UTF8.self)
        let secret = Array("a secret".utf8).map { "\($0)" }.joined(separator: ", ")
        for text in ["\(settings)", String(reflecting: settings), dumped, config] {
            #expect(!text.contains("a secret") && !text.contains(secret) && text.contains("/k"))
        }
    }

    @Test(
        "what is wrong is named, with what would be right",
        arguments: [
            ("\(routes), tls: {certificate: DIR/c}", "f:1: listeners[0].tls: certificate and key must be there"),
            ("\(routes), tls: {certificate: DIR/none, key: DIR/k}", "f:1: listeners[0].tls.certificate: cannot read "),
            ("\(routes), tls: {certificate: DIR/c, key: DIR}", "f:1: listeners[0].tls.key: cannot read "),
            ("\(routes), tls: {certificate: DIR/big, key: DIR/k}", "f:1: listeners[0].tls.certificate: "),
            (
                "\(routes), tls: {\(both), minimum-version: 1.1}",
                "f:1: listeners[0].tls.minimum-version: expected 1.2 or 1.3"
            ),
            ("\(routes), tls: {\(both), ciphers: x}", "f:1: listeners[0].tls.ciphers: no such key"),
            ("address: 127.0.0.1:1, cluster: all, tls: {\(both)}", "f:1: listeners[0].tls: TLS ends at listeners with"),
        ]
    )
    func wrong(listener: String, message: String) throws {
        let error = #expect(throws: GatewayFileError.self) { try self.settings(listener) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
