import ProxyCore
import TLSWire
import Testing

@Suite("The way into a connection that speaks TLS")
struct TLSEntryTests {
    private static let hello = ClientHello(serverName: "leaf.shop", applicationProtocols: ["h2"])

    private func entry(_ events: (inout TLSEntry) -> TLSEntry.Step...) -> (TLSEntry, [TLSEntry.Step]) {
        var entry = TLSEntry()
        let steps = events.map { $0(&entry) }
        return (entry, steps)
    }

    private static func connect(_ entry: inout TLSEntry) -> TLSEntry.Step { entry.originalConnected() }
    private static func say(_ entry: inout TLSEntry) -> TLSEntry.Step {
        entry.clientSaid(.whole(self.hello)) { $0 == self.hello }
    }
    private static func secure(_ entry: inout TLSEntry) -> TLSEntry.Step {
        entry.originalSecured(applicationProtocol: "h2")
    }

    @Test("The original is spoken to first, then the client, then the relay begins")
    func order() {
        let (entry, steps) = self.entry(Self.connect, Self.say, Self.secure, { $0.clientSecured() })
        #expect(
            steps == [.wait, .secureOriginal(Self.hello), .secureClient(applicationProtocol: "h2"), .relay]
        )
        #expect(!entry.isEntering)
    }

    @Test("Until the whole message is there nothing is said to anybody, and nothing stalls")
    func patience() {
        var (entry, _) = self.entry(Self.connect)
        #expect(entry.clientSaid(.more) { _ in true } == .wait)
        #expect(entry.wantsBytes(.client) && entry.wantsBytes(.original))
        #expect(entry.deadline(hasBegun: false) == nil, "a client may connect long before it speaks")
        #expect(entry.deadline(hasBegun: true) == .head)
        #expect(entry.deadlinePassed() == .pass(.headTimeout))
        #expect(!entry.isEntering)
    }

    @Test(
        "What is no TLS, or cannot be answered, or ends, passes unread on the connection that is there",
        arguments: [
            (0, .notTLS), (1, .unreadableTLS), (2, .headTruncated), (3, .serverFirst),
        ] as [(Int, RawReason)]
    )
    func unread(kind: Int, reason: RawReason) {
        let events: [(inout TLSEntry) -> TLSEntry.Step] = [
            { $0.clientSaid(.other) { _ in true } }, { $0.clientSaid(.whole(Self.hello)) { _ in false } },
            { $0.clientEnded() }, { $0.originalSpoke() },
        ]
        let (entry, steps) = self.entry(Self.connect, events[kind])
        #expect(steps.last == .pass(reason))
        #expect(!entry.isEntering)
    }

    @Test("An original that ends while the client's handshake goes on is waited for no longer than a head")
    func originalGone() {
        let secured: (inout TLSEntry) -> TLSEntry.Step = { $0.originalSecured(applicationProtocol: nil) }
        var (entry, _) = self.entry(Self.connect, Self.say, secured)
        #expect(entry.deadline(hasBegun: false) == nil)
        #expect(entry.originalEnded() == .wait)
        #expect(entry.deadline(hasBegun: false) == .head)
        var patient = entry
        #expect(patient.clientSecured() == .relay)
        #expect(entry.deadlinePassed() == .loseOriginal)
    }

    @Test("When TLS with the original fails, its client gets a connection of its own", arguments: [0, 1, 2, 3])
    func original(kind: Int) {
        let events: [(inout TLSEntry) -> TLSEntry.Step] = [
            { $0.originalFailed() }, { $0.deadlinePassed() }, { $0.clientEnded() },
            {
                _ = $0.originalSecured(applicationProtocol: nil)
                return $0.cannotAnswer()
            },
        ]
        let (_, steps) = self.entry(Self.connect, Self.say, events[kind], Self.connect, Self.connect)
        #expect(steps.dropFirst(2) == [.reconnect, .pass(.unreadableTLS), .wait])
    }

    @Test(
        "A later connection to the original asks for the same; another protocol than before is none",
        arguments: ["h2", nil]
    )
    func again(name: String?) {
        let (entry, steps) = self.entry(
            Self.connect,
            Self.say,
            Self.secure,
            { $0.clientSecured() },
            Self.connect,
            { $0.originalSecured(applicationProtocol: name) }
        )
        #expect(steps.suffix(2) == [.secureOriginal(Self.hello), name == "h2" ? .relay : .loseOriginal])
        #expect(!entry.isEntering)
    }

    @Test("A later connection that fails is lost, and the client's goes on")
    func lost() {
        let (entry, steps) = self.entry(
            Self.connect,
            Self.say,
            Self.secure,
            { $0.clientSecured() },
            Self.connect,
            { $0.originalFailed() },
            { $0.originalFailed() }
        )
        #expect(steps.suffix(2) == [.loseOriginal, .wait])
        #expect(!entry.awaitsOriginal)
    }
}
