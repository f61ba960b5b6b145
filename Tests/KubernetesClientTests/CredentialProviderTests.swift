import KubernetesModel
import Synchronization
import Testing

@testable import KubernetesClient

@Suite("Credentials that are renewed")
struct CredentialProviderTests {
    private final class World: Sendable {
        let token = Mutex("one\n")
        let now = Mutex(ContinuousClock.now)
        let reads = Mutex(0)

        func provider() -> CredentialProvider {
            CredentialProvider(
                .tokenFile("/t", identity: nil),
                now: { self.now.withLock { $0 } },
                read: { _ in
                    self.reads.withLock { $0 += 1 }
                    let token = self.token.withLock { $0 }
                    if token.isEmpty { throw KubernetesError(.configuration, "gone") }
                    return Array(token.utf8)
                }
            )
        }
    }

    @Test("A token file is read once a minute")
    func ageing() async throws {
        let world = World()
        let provider = world.provider()
        #expect(try await provider.current().token == "one")
        world.token.withLock { $0 = "two" }
        world.now.withLock { $0 += .seconds(59) }
        #expect(try await provider.current().token == "one")
        world.now.withLock { $0 += .seconds(1) }
        #expect(try await provider.current().token == "two")
        #expect(world.reads.withLock { $0 } == 2)
    }

    @Test("A refused token is read again at once, and offered only if it is another")
    func refusal() async throws {
        let world = World()
        let provider = world.provider()
        let first = try await provider.current()
        #expect(await provider.refused(first) == false)
        world.token.withLock { $0 = "two" }
        #expect(await provider.refused(first) == true)
        #expect(try await provider.current().token == "two")
        // A second request that was refused with the first token need not read anything.
        #expect(await provider.refused(first) == true)
        #expect(world.reads.withLock { $0 } == 3)
    }

    @Test("A file that cannot be read now leaves the old token in use")
    func unreadable() async throws {
        let world = World()
        let provider = world.provider()
        let first = try await provider.current()
        world.token.withLock { $0 = "" }
        world.now.withLock { $0 += .seconds(61) }
        #expect(try await provider.current() == first)
        #expect(await provider.refused(first) == false)
        #expect(try await provider.current() == first)
    }

    @Test("What is fixed is never offered again")
    func fixed() async throws {
        let provider = CredentialProvider(.fixed(Credential(token: "x")))
        #expect(await provider.refused(try await provider.current()) == false)
    }
}
