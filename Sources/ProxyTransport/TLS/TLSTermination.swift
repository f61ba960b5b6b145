import NIOCore
import NIOSSL
import Synchronization
import TLSWire

/// Speaks TLS in a Service's place, with what a mounted Secret holds, and to the original, which it verifies.
///
/// New handshakes use what the Secret's files hold when they begin; broken files change nothing.
public final class TLSTermination: Sendable {
    private struct Loaded {
        var stamp: TLSFiles.Stamp
        var material: TLSMaterial
    }

    let files: TLSFiles
    private let loaded = Mutex<Loaded?>(nil)

    /// - Parameters:
    ///   - secret: its name, for messages.
    ///   - directory: where it is mounted.
    public init(secret: String, directory: String) {
        self.files = TLSFiles(secret: secret, directory: directory)
    }

    /// What the Secret holds now, or held when it last held something usable.
    func material() throws(TLSTrouble) -> TLSMaterial {
        let stamp = self.files.stamp
        let known = self.loaded.withLock { $0 }
        if let known, known.stamp == stamp { return known.material }
        do throws(TLSTrouble) {
            let material = try self.files.load()
            self.loaded.withLock { $0 = Loaded(stamp: stamp, material: material) }
            return material
        } catch {
            guard let known else { throw error }
            // Not read again for each handshake while it is broken.
            self.loaded.withLock { $0 = Loaded(stamp: stamp, material: known.material) }
            return known.material
        }
    }

    /// Whether a client's handshake can be answered in the original's place.
    func canAnswer(_ hello: ClientHello) -> Bool {
        (try? self.material())?.canAnswer(hello) ?? false
    }

    /// The handler that speaks to the original as the client would.
    ///
    /// - Parameter objected: told why the original is not who it should be, before its handshake fails of that.
    func originalHandler(
        for hello: ClientHello,
        objected: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> NIOSSLClientHandler {
        let material = try self.material()
        let context = try material.clientContext(applicationProtocols: hello.applicationProtocols)
        let serverName = hello.serverName
        return try NIOSSLClientHandler(context: context, serverHostname: serverName) { certificates, promise in
            let chain = certificates.compactMap { try? $0.toDERBytes() }
            // The common case needs no other thread.
            if chain.first == material.leaf { return promise.succeed(.certificateVerified) }
            promise.completeWithTask {
                guard let objection = await material.objection(to: chain, serverName: serverName) else {
                    return .certificateVerified
                }
                objected(objection)
                return .failed
            }
        }
    }

    /// The handler that answers the client, which gets the protocol that the original chose.
    func clientHandler(applicationProtocol: String?) throws -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: try self.material().serverContext(applicationProtocol: applicationProtocol))
    }
}
