import KubernetesModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the small files that a kubeconfig names.
enum LocalFile {
    /// A file's bytes; a missing one is `notFound`, any other trouble `configuration`, both naming the file.
    static func read(_ path: String) throws -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            throw KubernetesError(.notFound, "\(path) does not exist", cause: error)
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw KubernetesError(.configuration, "\(path) may not be read by this user", cause: error)
        } catch {
            throw KubernetesError(.configuration, "\(path) cannot be read", cause: error)
        }
    }

    /// The folder a file is in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path that a file in `folder` names.
    static func resolve(_ path: String, from folder: String) -> String {
        if path.hasPrefix("/") { return path }
        return folder + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    /// The bytes of base64 text, line breaks and blanks in it ignored; nil when it is none.
    static func decodeBase64(_ text: String) -> [UInt8]? {
        Data(base64Encoded: String(text.filter { !$0.isWhitespace })).map { Array($0) }
    }
}
