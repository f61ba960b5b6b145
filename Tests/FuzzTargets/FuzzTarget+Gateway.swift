import GatewayCore

/// The relay of one client connection of a gateway, whatever both ends do.
extension FuzzTarget {
    /// `^c` and `^s` are bytes of the client and of the server; `^C`, `^S` their ends, `^x`, `^y` their resets; `^n` says what
    /// comes of the next connections (new, reused, failed, late, or waiting for `^a` or `^f`); `^d` and `^e` let the deadline
    /// pass, `^D` drains.
    static let gateway = FuzzTarget("gateway") { bytes in
        var shell = GatewayShell()
        for event in EventScript(bytes).events.prefix(200) {
            switch event.verb {
            case UInt8(ascii: "c"): try shell.receive(.client, event.data)
            case UInt8(ascii: "s"): try shell.receive(.upstream, event.data)
            case UInt8(ascii: "C"): try shell.tell { $0.clientEnded() }
            case UInt8(ascii: "S"): try shell.tellOfServer { $0.upstreamEnded() }
            case UInt8(ascii: "x"): try shell.tell { $0.clientReset() }
            case UInt8(ascii: "y"): try shell.tellOfServer { $0.upstreamReset() }
            case UInt8(ascii: "n"): shell.expect(event.data)
            case UInt8(ascii: "a"): try shell.connect(UInt8(ascii: "n"))
            case UInt8(ascii: "f"): try shell.connect(UInt8(ascii: "f"))
            case UInt8(ascii: "d"): try shell.expire(isServerFull: false)
            case UInt8(ascii: "e"): try shell.expire(isServerFull: true)
            case UInt8(ascii: "D"): try shell.tell { $0.drain() }
            default: break
            }
        }
        try shell.tell { $0.clientReset() }
        try require(shell.isOver, "a connection is over when its client is gone")
    }
}
