import ClusterTestSupport
import Foundation

/// A certificate that has signed itself, and its key, in files: what OpenSSL makes.
struct SelfSigned {
    let certificate: String
    let key: String

    /// - Parameters:
    ///   - name: the path of both, less what each ends with.
    ///   - names: whom it is for, as OpenSSL takes them: `DNS:leaf`, `IP:127.0.0.1`.
    init(name: String, names: String) async throws {
        (self.certificate, self.key) = ("\(name).crt", "\(name).key")
        let subject = URL(filePath: name).lastPathComponent
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(separator: " ")
        let more = ["-keyout", self.key, "-out", self.certificate, "-subj", "/CN=\(subject)"]
        try await Shell.must(["openssl"] + words.map(String.init) + more + ["-addext", "subjectAltName=\(names)"])
    }
}
