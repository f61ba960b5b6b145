import NIOCore
import NIOPosix

/// The process on this machine that the intercept leads to.
enum LocalPort {
    /// Whether something accepts connections on the port, on either loopback address.
    static func isOpen(_ port: Int) async -> Bool {
        for host in ["127.0.0.1", "::1"] {
            let connected = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(1))
                .connect(host: host, port: port)
                .get()
            if let connected {
                try? await connected.close()
                return true
            }
        }
        return false
    }
}
