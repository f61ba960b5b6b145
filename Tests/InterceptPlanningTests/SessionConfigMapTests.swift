import InterceptPlanning
import KubernetesModel
import TestSupport
import Testing

@Suite("A Session in a ConfigMap")
struct SessionConfigMapTests {
    private func session() throws -> Session {
        var session = try Sample.session()
        session.kind = .configMap
        return session
    }

    private func merge(_ patch: Patch, into object: DynamicObject) throws -> DynamicObject {
        guard case .merge(let json) = patch else { throw PlanningError(.malformedSession, "no merge patch") }
        return DynamicObject(object.json.merging(json))
    }

    @Test("The ConfigMap and what it owns are those recorded")
    func golden() throws {
        let session = try self.session()
        let manifests = InterceptManifests(session: session)
        let owned: [OwnedObject] = [.role, .configMap]
        let all = [session.object.json] + owned.map { manifests.manifest($0, decoyAddress: "10.96.1.2").json }
        try expectGolden(JSONValue.array(all).pretty + "\n", "session-configmap.json")
    }

    @Test("Its `ops` are a JSON Patch as it stands, which restores the Service")
    func ops() throws {
        let text = try #require(try self.session().object[path: "data", "ops"]?.string)
        let operations = try (JSONValue(parsing: text).array ?? []).compactMap { JSONPatchOperation(json: $0) }
        let restored = try Sample.hijacked().json.applying(operations)
        #expect(restored["spec"] == Sample.service()["spec"])
    }

    @Test("Every key is needed but the status, and one that is missing or no JSON is named", arguments: [nil, "a: b"])
    func damaged(text: String?) throws {
        for key in ["spec", "ops", "members", "status"] {
            var object = try self.session().object
            object["data"]?["status"] = "{}"
            object["data"]?[key] = text.map { .string($0) }
            if key == "status" {
                #expect(try Session(object).replicas.isEmpty)
                continue
            }
            let error = #expect(throws: PlanningError.self) { try Session(object) }
            #expect(error?.code == .malformedSession)
            #expect(error?.message.contains("data.\(key)") == true)
        }
    }

    @Test("Compare-and-swap writes phase, reason and routes, and nothing else")
    func swap() throws {
        var session = try self.session()
        let before = session.object
        session.routes.append(try Sample.route("r2", owner: "bob@desk", match: "a:b"))
        session.closeReason = "said"
        let after = try self.merge(session.compareAndSwap, into: before)
        #expect(after[path: "metadata", "resourceVersion"] == "12")
        #expect(after[path: "metadata", "uid"] == "session-uid")
        #expect(try Session(after) == session)
        for key in ["spec", "ops"] { #expect(after["data"]?[key] == before["data"]?[key]) }
    }

    @Test("A status is merged member by member into what others have there, if nobody wrote since")
    func status() throws {
        var object = try self.session().object
        object["metadata"]?["resourceVersion"] = "7"
        for status: JSONValue in [
            ["heartbeats": ["r1": 1, "r2": 4]], ["replicas": ["a": Replica(pod: "p", fingerprint: "f").json]],
            ["heartbeats": ["r1": 2, "r2": .null], "suspended": true], ["replicas": ["a": ["drained": true]]],
        ] {
            let patch = SessionConfigMap.merging(status: status, into: object)
            object = try self.merge(patch, into: object)
            #expect(object.resourceVersion == "7")
        }
        let session = try Session(object)
        #expect(session.heartbeats == ["r1": 2])
        #expect(session.replicas == ["a": Replica(pod: "p", fingerprint: "f", isDrained: true)])
        #expect(session.isSuspended)
    }

    @Test("What the annotation of a hijacked Service says of the Session's kind is read back")
    func annotation() throws {
        let swap = ServiceSwap(try self.session())
        let hijacked = DynamicObject(try Sample.service().json.applying(swap.hijack(Sample.service())))
        #expect(hijacked.annotations[Marks.originalAnnotation]?.contains(#""store":"configmaps""#) == true)
        #expect(ServiceSwap(annotationOf: hijacked) == swap)
    }
}
