import Foundation
import GatewayCore

/// Listeners that speak TLS.
extension GatewayFile {
    /// What a listener proves itself with; nil where it says nothing of TLS.
    static func tls(_ members: [String: YAMLField]) throws(GatewayFileError) -> TLSRules? {
        guard let field = members["tls"] else { return nil }
        let tls = try field.members(["certificate", "key", "client-authority", "minimum-version"])
        guard let certificate = tls["certificate"], let key = tls["key"] else {
            throw field.error("certificate and key must be there: the names of files in PEM")
        }
        var rules = TLSRules(certificate: try certificate.contents(), key: try key.contents())
        rules.clientAuthority = try tls["client-authority"]?.contents()
        if let version = tls["minimum-version"] {
            switch try version.text() {
            case "1.2": rules.isModern = false
            case "1.3": rules.isModern = true
            default: throw version.error("expected 1.2 or 1.3; what is older is not spoken (RFC 8996)")
            }
        }
        return rules
    }
}

extension YAMLField {
    /// The file that this names, with what it holds; of at most 1 MiB.
    fileprivate func contents() throws(GatewayFileError) -> TLSRules.File {
        let path = try self.text()
        let most = 1 << 20
        let bytes = Result {
            try FileHandle(forReadingFrom: URL(filePath: path)).read(upToCount: most + 1) ?? Data()
        }
        switch bytes {
        case .success(let bytes) where bytes.count > most: throw self.error("\(path) is longer than 1 MiB")
        case .success(let bytes): return .init(path: path, bytes: Array(bytes))
        case .failure(let error):
            throw self.error(
                "cannot read \(path); check that it is there, and that this user may (\(error.localizedDescription))"
            )
        }
    }
}
