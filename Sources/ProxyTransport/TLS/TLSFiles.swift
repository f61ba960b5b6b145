#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The folder where a Secret of type `kubernetes.io/tls` is mounted.
///
/// The kubelet replaces all of its files at once, by one symbolic link, a while after the Secret has changed.
struct TLSFiles: Sendable {
    /// What tells one state of the files from another without reading them.
    struct Stamp: Hashable, Sendable {
        private struct File: Hashable {
            var inode: UInt64
            var size: Int64
            var seconds: Int
            var nanoseconds: Int
        }

        private let files: [File?]

        init(directory: String) {
            self.files = ["tls.crt", "tls.key", "ca.crt"].map { name in
                var info = stat()
                guard stat("\(directory)/\(name)", &info) == 0 else { return nil }
                #if canImport(Darwin)
                    let modified = info.st_mtimespec
                #else
                    let modified = info.st_mtim
                #endif
                return File(
                    inode: UInt64(info.st_ino),
                    size: Int64(info.st_size),
                    seconds: Int(modified.tv_sec),
                    nanoseconds: Int(modified.tv_nsec)
                )
            }
        }
    }

    /// The Secret's name, for messages.
    let secret: String
    let directory: String

    var stamp: Stamp { Stamp(directory: self.directory) }

    /// What the files hold.
    func load() throws(TLSTrouble) -> TLSMaterial {
        do {
            let authority = self.read("ca.crt") ?? []
            guard let chain = self.read("tls.crt"), let key = self.read("tls.key"), !chain.isEmpty, !key.isEmpty else {
                // The name comes with its namespace, which kubectl wants otherwise.
                let name = self.secret.replacing(" in namespace ", with: " -n ")
                throw TLSTrouble(
                    .secret,
                    "secret \(self.secret) is not there, or holds no tls.crt and tls.key; the Service's own certificate and key "
                        + "belong there, of type kubernetes.io/tls: kubectl create secret tls \(name) --cert FILE "
                        + "--key FILE"
                )
            }
            return try TLSMaterial(chain: chain, key: key, authority: authority)
        } catch let trouble as TLSTrouble {
            throw trouble
        } catch {
            throw TLSTrouble(
                .secret,
                "secret \(self.secret) holds no usable certificate and key in PEM, or they do not fit each other (\(error)); "
                    + "put the pair in that the Service's Pods use"
            )
        }
    }

    private func read(_ name: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: "\(self.directory)/\(name)"))).map { Array($0) }
    }
}
