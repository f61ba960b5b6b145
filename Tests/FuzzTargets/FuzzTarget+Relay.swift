import ProxyCore

/// The relay of one client connection of an interceptor, whatever its three ends do.
extension FuzzTarget {
    /// `^c`, `^o`, `^u` are bytes of the client, the original and the laptop; `^C`, `^O`, `^U` their ends, `^x`, `^y`, `^z` their
    /// resets; `^a`, `^f` answer whether the tunnel took the connection, `^A`, `^F` whether the original did; `^d` lets the
    /// deadline pass, `^D` drains, `^l` announces the end. A `-` at the beginning: the original is not connected yet.
    static let relay = FuzzTarget("relay") { bytes in
        let script = EventScript(bytes)
        var shell = try RelayShell(isConnected: script.events.first?.data.first != UInt8(ascii: "-"))
        for event in script.events.prefix(200) {
            switch event.verb {
            case UInt8(ascii: "c"): try shell.receive(.client, event.data)
            case UInt8(ascii: "o"): try shell.receive(.original, event.data)
            case UInt8(ascii: "u"): try shell.receive(.upstream, event.data)
            case UInt8(ascii: "C"): try shell.tell { $0.clientEnded() }
            case UInt8(ascii: "O"): try shell.tell { $0.originalEnded() }
            case UInt8(ascii: "U"): try shell.tell { $0.upstreamEnded() }
            case UInt8(ascii: "x"): try shell.tell { $0.clientReset() }
            case UInt8(ascii: "y"): try shell.tell { $0.originalReset() }
            case UInt8(ascii: "z"): try shell.tell { $0.upstreamReset() }
            case UInt8(ascii: "a"): try shell.tell { $0.upstreamAccepted() }
            case UInt8(ascii: "f"): try shell.tell { $0.upstreamFailed(.localRefused) }
            case UInt8(ascii: "A"): try shell.openOriginal(true)
            case UInt8(ascii: "F"): try shell.openOriginal(false)
            case UInt8(ascii: "d"): try shell.expire()
            case UInt8(ascii: "D"): try shell.tell { $0.drain() }
            case UInt8(ascii: "l"): try shell.tell { $0.announceClose() }
            default: break
            }
        }
        try shell.tell { $0.clientReset() }
        try require(shell.isOver, "a connection is over when its client is gone")
    }
}
