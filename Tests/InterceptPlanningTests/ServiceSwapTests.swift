import InterceptPlanning
import KubernetesModel
import Testing

@Suite("Hijack and restore of a Service")
struct ServiceSwapTests {
    @Test(
        "A hijack followed by a restore leaves the Service as it was",
        arguments: [
            Sample.service(),
            Sample.service(annotations: ["team": "red"]),
            Sample.service(annotations: ["detour.dev/other": "kept"]),
            Sample.service(ports: [["port": 80, "protocol": "TCP", "targetPort": 15_100]]),
        ]
    )
    func roundTrip(original: DynamicObject) throws {
        let swap = ServiceSwap(
            incarnation: Sample.incarnation,
            original: OriginalService(
                selector: Sample.selector,
                ports: try #require(original[path: "spec", "ports"])
            )
        )
        let hijacked = DynamicObject(try original.json.applying(swap.hijack(original)))
        #expect(swap.isHijacked(hijacked))
        #expect(hijacked != original)
        let restored = try hijacked.json.applying(swap.restore(hijacked))
        #expect(restored.differences(from: original.json).isEmpty)
    }

    @Test("A hijack changes selector, target ports and one annotation, nothing else")
    func hijackIsSmall() throws {
        let before = Sample.service()
        let after = try Sample.hijacked(before)
        var expected = before.json
        expected["spec"]?["selector"] = [
            "app": "interceptor", "system.codezero.io/session": .string(Sample.incarnation),
        ]
        expected["spec"]?["ports"] = [
            ["name": "http", "port": 80, "protocol": "TCP", "targetPort": 15_100, "nodePort": 30_080],
            ["name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 15_101, "nodePort": 30_090],
        ]
        expected["metadata"]?["annotations"] = after[path: "metadata", "annotations"]
        #expect(after.json == expected)
        #expect(after.annotations.keys.sorted() == ["detour.dev/original"])
    }

    @Test(
        "A hijack fails as a whole when the Service was changed meanwhile",
        arguments: [
            Sample.service(selector: ["app": "other"]),
            Sample.service(ports: [["port": 81, "protocol": "TCP", "targetPort": 81]]),
        ]
    )
    func hijackTests(changed: DynamicObject) throws {
        let operations = ServiceSwap(try Sample.session()).hijack(Sample.service())
        #expect(throws: JSONPatchError.self) { try changed.json.applying(operations) }
    }

    @Test("The annotation alone is enough to restore")
    func annotationAlone() throws {
        let hijacked = try Sample.hijacked()
        let swap = try #require(ServiceSwap(annotationOf: hijacked))
        let restored = try hijacked.json.applying(swap.restore(hijacked))
        #expect(restored.differences(from: Sample.service().json).isEmpty)
    }

    @Test("Restoring what nobody hijacked does nothing")
    func nothingToRestore() throws {
        #expect(ServiceSwap(try Sample.session()).restore(Sample.service()).isEmpty)
    }

    @Test("A selector that was put back beside our keys, as server-side apply does, selects the original's Pods again")
    func mergedSelector() throws {
        let swap = ServiceSwap(try Sample.session())
        var service = try Sample.hijacked()
        for (key, value) in Sample.selector { service["spec"]?["selector"]?[key] = .string(value) }
        let restored = try service.json.applying(swap.restore(service))
        #expect(restored["spec"]?["selector"] == JSONValue(Sample.selector))
        #expect(restored["spec"]?["ports"] == Sample.ports)
        // Of one that somebody has emptied but for our mark, nothing is anybody else's.
        let mark = swap.hijackedSelector.filter { $0.key == Marks.sessionLabel }
        service["spec"]?["selector"] = JSONValue(mark)
        let emptied = try service.json.applying(swap.restore(service))
        #expect(emptied["spec"]?["selector"] == JSONValue(Sample.selector))
    }

    @Test("A foreign selector stays, while our target ports and annotation go")
    func foreignSelectorStays() throws {
        var service = try Sample.hijacked()
        service["spec"]?["selector"] = ["app": "green"]
        let restored = try service.json.applying(ServiceSwap(try Sample.session()).restore(service))
        #expect(restored[path: "spec", "selector"] == ["app": "green"])
        #expect(restored[path: "spec", "ports"] == Sample.ports)
        #expect(DynamicObject(restored).annotations.isEmpty)
    }

    @Test("A port that someone added or changed meanwhile stays theirs")
    func foreignPortStays() throws {
        var service = try Sample.hijacked()
        service["spec"]?["ports"] = [
            ["name": "http", "port": 80, "protocol": "TCP", "targetPort": 15_100, "nodePort": 30_080],
            ["name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9999, "nodePort": 30_090],
            ["name": "new", "port": 7000, "protocol": "TCP", "targetPort": 7000, "nodePort": 30_070],
        ]
        let restored = try service.json.applying(ServiceSwap(try Sample.session()).restore(service))
        #expect(
            restored[path: "spec", "ports"] == [
                ["name": "http", "port": 80, "protocol": "TCP", "targetPort": "web", "nodePort": 30_080],
                ["name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9999, "nodePort": 30_090],
                ["name": "new", "port": 7000, "protocol": "TCP", "targetPort": 7000, "nodePort": 30_070],
            ]
        )
    }

    @Test("Another incarnation's hijack and annotation are left alone")
    func otherIncarnation() throws {
        let hijacked = try Sample.hijacked()
        var other = ServiceSwap(try Sample.session())
        other.incarnation = String(repeating: "b2", count: 20)
        let operations = other.restore(hijacked)
        #expect(!operations.contains { $0.path == "/spec/selector" })
        #expect(!operations.contains { $0.path.hasPrefix("/metadata/annotations") })
    }
}
