import NIOCore
import Tunnel

/// The first bytes into a tunnel: whose connection this is, and which route and port it came by.
func proxyPreamble(source: SocketAddress?, destination: SocketAddress?, route: String, servicePort: Int) -> ByteBuffer {
    ProxyHeader(
        source: source.flatMap { ProxyEndpoint($0) },
        destination: destination.flatMap { ProxyEndpoint($0) },
        route: route,
        servicePort: UInt16(exactly: servicePort)
    ).encoded()
}
