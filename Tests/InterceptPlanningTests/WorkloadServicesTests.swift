import InterceptPlanning
import KubernetesModel
import Testing

@Suite("The Services that lead to a workload")
struct WorkloadServicesTests {
    private func names(_ services: [DynamicObject], labels: [String: String] = Sample.selector) -> [String] {
        WorkloadServices(podLabels: labels, among: services).fit
    }

    @Test(
        "A Service leads there when every label it selects is the Pods'",
        arguments: [
            (["app": "leaf"], true), (["app": "leaf", "tier": "backend"], true), (["app": "other"], false),
            (["app": "leaf", "zone": "a"], false), ([:], false),
        ] as [([String: String], Bool)]
    )
    func selection(selector: [String: String], leads: Bool) {
        #expect(self.names([Sample.service(selector: selector)]) == (leads ? ["leaf"] : []))
    }

    @Test("An intercepted Service counts by what it was, known from its annotation or its decoy; the decoy does not")
    func hijacked() throws {
        let session = try Sample.session()
        let decoy = InterceptManifests(session: session).manifest(.decoy)
        var service = try Sample.hijacked()
        #expect(self.names([decoy, service]) == ["leaf"])
        service.json["metadata"]?["annotations"] = nil
        #expect(self.names([decoy, service]) == ["leaf"])
        #expect(self.names([service]) == [], "nothing tells any more what it was")
    }

    @Test("What cannot be intercepted is kept apart, with the reason")
    func unfit() {
        let services = WorkloadServices(
            podLabels: Sample.selector,
            among: [Sample.service(spec: ["clusterIP": "None"])]
        )
        #expect(services.fit.isEmpty)
        #expect(services.unfit.first?.reason.message.contains("headless") == true)
    }

    @Test("A named targetPort stays named in the decoy, and leads to each Pod's own number past it")
    func namedTargetPort() throws {
        let decoy = InterceptManifests(session: try Sample.session()).manifest(.decoy)
        #expect(decoy[path: "spec", "ports"]?[0]?["targetPort"] == "web")
        let endpoints = DynamicObject(
            .endpoints,
            name: "interceptor-leaf-decoy",
            namespace: "shop",
            [
                "subsets": [
                    ["addresses": [["ip": "10.0.0.1"]], "ports": [["name": "http", "port": 8_080]]],
                    ["addresses": [["ip": "10.0.0.2"]], "ports": [["name": "http", "port": 9_999]]],
                ]
            ]
        )
        let addresses = OriginalEndpoints(endpoints, ports: InterceptedPort.all(in: Sample.ports)).addresses
        #expect(addresses == [80: [.init(host: "10.0.0.1", port: 8_080), .init(host: "10.0.0.2", port: 9_999)]])
    }
}
