import NIOCore
import Tunnel

/// The first bytes into a tunnel: whose connection this is, which route and port it came by, and what it speaks.
func proxyPreamble(
    source: SocketAddress?,
    destination: SocketAddress?,
    route: String,
    servicePort: Int,
    applicationProtocol: String?,
    isMirror: Bool = false
) -> ByteBuffer {
    var header = ProxyHeader(
        source: source.flatMap { ProxyEndpoint($0) },
        destination: destination.flatMap { ProxyEndpoint($0) },
        route: route,
        servicePort: UInt16(exactly: servicePort)
    )
    header.applicationProtocol = applicationProtocol
    header.isMirror = isMirror
    return header.encoded()
}
