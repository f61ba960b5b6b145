import InterceptPlanning
import KubernetesModel
import NIOCore
import Testing

@testable import Interceptor

@Suite("Where new connections find the original")
struct OriginalAddressesTests {
    private static let decoy = try? SocketAddress(ipAddress: "10.96.0.10", port: 80)

    private func originals() throws -> OriginalAddresses {
        let session = try Stage().session()
        return OriginalAddresses(
            InterceptorConfiguration(session: try #require(session), decoyAddress: "10.96.0.10")
        )
    }

    private func endpoints(of incarnation: String?, _ hosts: String...) throws -> DynamicObject {
        let subset: JSONValue = [
            "addresses": .array(hosts.map { ["ip": .string($0)] }), "ports": [["name": "http", "port": 8_080]],
        ]
        var metadata: JSONValue = ["name": "interceptor-leaf-decoy"]
        if let incarnation { metadata["labels"] = [Marks.sessionLabel: .string(incarnation)] }
        return DynamicObject(["metadata": metadata, "subsets": hosts.isEmpty ? [] : [subset]])
    }

    private func hosts(_ originals: OriginalAddresses) throws -> [String?] {
        let decoy = try #require(Self.decoy)
        return originals.candidates(servicePort: 80, decoy: decoy).map(\.ipAddress)
    }

    @Test("Through the decoy, and straight at its Pods where that fails; without it, the Pods as last seen")
    func order() throws {
        let originals = try self.originals()
        #expect(try self.hosts(originals) == ["10.96.0.10"])
        originals.saw(try self.endpoints(of: Stage.incarnation, "10.0.0.7"))
        #expect(try self.hosts(originals) == ["10.96.0.10", "10.0.0.7"])
        originals.saw(nil)
        #expect(try self.hosts(originals) == ["10.0.0.7"])
    }

    @Test(
        "The next Session's decoy, of the same name and still without Pods, is another one",
        arguments: [[], ["10.0.0.9"]]
    )
    func successor(pods: [String]) throws {
        let originals = try self.originals()
        originals.saw(try self.endpoints(of: Stage.incarnation, "10.0.0.7"))
        originals.saw(nil)
        let next = pods.isEmpty ? try self.endpoints(of: "the-next") : try self.endpoints(of: "the-next", pods[0])
        originals.saw(next)
        #expect(try self.hosts(originals) == ["10.0.0.7"])
    }

    @Test(
        "One that is made again for this Session is back; so is one that nobody has labelled",
        arguments: [true, false]
    )
    func again(isLabelled: Bool) throws {
        let originals = try self.originals()
        originals.saw(nil)
        originals.saw(try self.endpoints(of: isLabelled ? Stage.incarnation : nil, "10.0.0.8"))
        #expect(try self.hosts(originals) == ["10.96.0.10", "10.0.0.8"])
    }
}
