#if os(Linux)
    import SocketLoop
    import Testing

    /// What the other suites see over bare sockets, where connections are channels: on ports that speak TLS they are, and on
    /// other systems than Linux.
    @Suite("Over channels, as over bare sockets,", .timeLimit(.minutes(5)))
    struct OverChannelsTests {
        /// How the other suites see it.
        private static func overChannels(_ body: () async throws -> Void) async throws {
            try #require(SocketLoopGroup.shared != nil, "the other suites run over bare sockets")
            try await Harness.$sockets.withValue(nil, operation: body)
        }

        @Test("a connection nobody asked to detour is relayed as it came")
        func bystander() async throws {
            let suite = BystanderTests()
            try await Self.overChannels {
                try await suite.passes()
                for seed in 0..<2 as Range<UInt64> { try await suite.pieces(seed: seed) }
                for isChunked in [true, false] { try await suite.bulk(isChunked: isChunked) }
                try await suite.webSocket()
                try await suite.serverFirst()
                try await suite.slowHead()
            }
        }

        @Test("its ends are shown as they came, resets as resets")
        func ends() async throws {
            let suite = BystanderTests()
            try await Self.overChannels {
                try await suite.halfClose()
                try await suite.originalEnds()
                for byClient in [true, false] {
                    for isRaw in [true, false] { try await suite.resets(byClient: byClient, isRaw: isRaw) }
                }
                try await suite.unreachable()
                try await suite.drains()
                try await LimitTests().lateReader()
                for isDiverted in [true, false] { try await LimitTests().backPressure(isDiverted: isDiverted) }
            }
        }

        @Test("a diverted request goes into the tunnel, and falls back")
        func diverted() async throws {
            let suite = DivertTests()
            try await Self.overChannels {
                try await suite.passes()
                try await suite.alternates()
                try await suite.bulk()
                try await suite.idleOriginal()
                try await suite.truncated()
                try await suite.clientGone()
                try await MirrorTests().copies()
                try await HTTP2Tests().routes()
            }
        }
    }
#endif
