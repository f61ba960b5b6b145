public import HTTPWire
import NetworkAddress

/// What a request asks a forward proxy for (RFC 9112 section 3.2).
public struct ProxyTarget: Hashable, Sendable {
    /// The server: a name in lower case, or an address.
    public let server: GatewaySettings.Endpoint
    /// Host and port as they were written: what `Host` says to the server.
    public let authority: [UInt8]
    /// What the server is asked for (section 3.2.1); empty where bytes pass unread.
    public let origin: [UInt8]

    /// The target of a request whose head a scanner has accepted.
    ///
    /// - Throws: why there is none that a proxy may use.
    public init(_ head: RequestHead, in view: ByteView) throws(Refusal.Reason) {
        let target = head.target
        guard head.method != .connect else {
            self.authority = Array(view.bytes(target))
            self.origin = []
            // Its port is never left out (section 3.2.3).
            self.server = try Self.server(self.authority, port: nil)
            return
        }
        guard let place = view.absoluteFormAuthority(target) else { throw .originForm }
        guard view[target.lower + 4] == UInt8(ascii: ":") else { throw .httpsTarget }
        let rest = view.bytes(ByteRange(place.upper, target.upper))
        // A fragment stays with whoever shows the page (RFC 9110 section 7.1).
        guard !rest.contains(UInt8(ascii: "#")) else { throw .ambiguous(.target) }
        self.authority = Array(view.bytes(place))
        self.server = try Self.server(self.authority, port: 80)
        if rest.isEmpty {
            self.origin = [head.method == .options ? UInt8(ascii: "*") : slash]
        } else {
            self.origin = (rest.first == slash ? [] : [slash]) + rest
        }
    }

    /// Reads `name:port` or `[address]:port`, which the scanner has found to be of that shape.
    private static func server(
        _ authority: [UInt8],
        port common: Int?
    ) throws(Refusal.Reason) -> GatewaySettings.Endpoint {
        let hasBrackets = authority.first == UInt8(ascii: "[")
        let end =
            hasBrackets
            ? authority.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } : authority.firstIndex(of: colon)
        let host = authority[..<(end ?? authority.count)]
        let digits = authority[host.endIndex...].dropFirst()
        let port = digits.isEmpty ? common : Int(String(decoding: digits, as: UTF8.self))
        guard let port, (1...65_535).contains(port) else { throw .ambiguous(.target) }
        let isName = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if hasBrackets {
            // An address of IPv6, which has no zone here.
            let text = String(decoding: host.dropFirst().dropLast(), as: UTF8.self).lowercased()
            guard text.contains(":"), IPAddress(text) != nil else { throw .ambiguous(.target) }
            return GatewaySettings.Endpoint(host: text, port: port)
        }
        guard host.count <= longestName, host.allSatisfy(isName) else { throw .ambiguous(.target) }
        return GatewaySettings.Endpoint(host: String(decoding: host, as: UTF8.self).lowercased(), port: port)
    }
}

private let slash = UInt8(ascii: "/")
private let colon = UInt8(ascii: ":")
/// RFC 1035 section 2.3.4, with a dot behind it.
private let longestName = 254
