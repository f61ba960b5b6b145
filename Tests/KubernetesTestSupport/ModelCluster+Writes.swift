import KubernetesModel

extension ModelCluster {
    mutating func create(_ target: RequestTarget, _ request: KubernetesRequest) -> Answer {
        guard var object = request.body.map({ DynamicObject($0) }), !object.name.isEmpty else {
            return .failure(422, "Invalid", "metadata.name: Required value")
        }
        let key = target.key(named: object.name)
        // As a real server does it, before it looks whether the name is taken.
        if let address = object[path: "spec", "clusterIP"], self.isTaken(address, target) {
            return .failure(422, "Invalid", "spec.clusterIPs: Invalid value: provided IP is already allocated")
        }
        guard self.objects[key] == nil else {
            return .failure(409, "AlreadyExists", "\(target.collection.plural) \"\(object.name)\" already exists")
        }
        guard object.resourceVersion.isEmpty else {
            return .failure(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        }
        if !self.withoutStatusSubresource.contains(target.collection.plural) { object["status"] = nil }
        if request.isDryRun { return Answer(status: 201, body: object.json) }
        return Answer(status: 201, body: self.store(object, at: key).json)
    }

    private func isTaken(_ address: JSONValue, _ target: RequestTarget) -> Bool {
        target.collection == ResourceType.services.collection && address != "None"
            && self.objects.contains {
                $0.key.collection == target.collection && $0.value[path: "spec", "clusterIP"] == address
            }
    }

    mutating func patch(_ target: RequestTarget, _ request: KubernetesRequest) -> Answer {
        let body = request.body ?? .null
        let isApply = request.contentType == "application/apply-patch+yaml"
        guard let before = self.objects[target.key()] else {
            guard isApply, target.subresource == nil else { return self.missing(target) }
            var creation = request
            creation.body?["metadata"]?["managedFields"] = nil
            return self.create(target, creation)
        }
        var json: JSONValue
        switch request.contentType {
        case "application/json-patch+json":
            let operations = (body.array ?? []).compactMap { JSONPatchOperation(json: $0) }
            do {
                json = try before.json.applying(operations)
            } catch {
                return .failure(422, "Invalid", "the server rejected our request due to an error: \(error)")
            }
        case "application/merge-patch+json", "application/apply-patch+yaml":
            json = before.json.merging(body)
        default:
            return .failure(415, "UnsupportedMediaType", request.contentType)
        }
        guard DynamicObject(json).resourceVersion == before.resourceVersion else {
            return .failure(
                409,
                "Conflict",
                "Operation cannot be fulfilled on \(target.resource) \"\(before.name)\": the object has been modified"
            )
        }
        guard DynamicObject(json).uid == before.uid else {
            return .failure(409, "Conflict", "the UID in the precondition is another one")
        }
        if target.subresource == "status" {
            var only = before.json
            only["status"] = json["status"]
            json = only
        } else if !self.withoutStatusSubresource.contains(target.collection.plural) {
            json["status"] = before["status"]
        }
        if json == before.json || request.isDryRun { return Answer(status: 200, body: json) }
        let after = self.store(DynamicObject(json), at: target.key())
        if after.isTerminating, after.finalizers.isEmpty { self.remove(target.key()) }
        return Answer(status: 200, body: after.json)
    }

    mutating func delete(_ target: RequestTarget, _ request: KubernetesRequest) -> Answer {
        guard let object = self.objects[target.key()] else { return self.missing(target) }
        let preconditions = request.body?["preconditions"]
        if let uid = preconditions?["uid"]?.string, uid != object.uid {
            return .failure(
                409,
                "Conflict",
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(object.uid)"
            )
        }
        if let version = preconditions?["resourceVersion"]?.string, version != object.resourceVersion {
            return .failure(409, "Conflict", "Precondition failed: ResourceVersion in precondition: \(version)")
        }
        if !object.finalizers.isEmpty {
            guard !object.isTerminating else { return Answer(status: 200, body: object.json) }
            var marked = object
            marked["metadata"]?["deletionTimestamp"] = .string(Self.moment)
            return Answer(status: 200, body: self.store(marked, at: target.key()).json)
        }
        self.remove(target.key(), orphans: request.body?["propagationPolicy"]?.string == "Orphan")
        return Answer(status: 200, body: ["kind": "Status", "apiVersion": "v1", "status": "Success"])
    }

    static var moment: String { "2026-01-01T00:00:00Z" }

    @discardableResult
    mutating func store(_ new: DynamicObject, at key: Key) -> DynamicObject {
        let before = self.objects[key]
        self.version += 1
        var object = new
        var metadata = object["metadata"] ?? [:]
        metadata["resourceVersion"] = .string(String(self.version))
        if let before {
            let isNewSpec = before["spec"] != object["spec"]
            let generation = before[path: "metadata", "generation"]?.integer ?? 1
            metadata["generation"] = .integer(generation + (isNewSpec ? 1 : 0))
        } else {
            self.counter += 1
            metadata["uid"] = metadata["uid"] ?? .string("uid-\(self.counter)")
            metadata["creationTimestamp"] = .string(Self.moment)
            metadata["generation"] = 1
            metadata["namespace"] = key.namespace.map { .string($0) }
        }
        object["metadata"] = metadata
        if key.collection == ResourceType.services.collection { self.setServiceDefaults(&object) }
        self.objects[key] = object
        self.changes.append(
            Change(version: self.version, collection: key.collection, before: before, after: object, shown: object)
        )
        if key.collection == ResourceType.customResourceDefinitions.collection { self.serve(object) }
        return object
    }

    private func setServiceDefaults(_ service: inout DynamicObject) {
        guard var spec = service["spec"] else { return }
        if spec["clusterIP"] == nil, spec["type"]?.string != "ExternalName" {
            spec["clusterIP"] = .string("10.96.0.\(10 + self.counter)")
        }
        spec["type"] = spec["type"] ?? "ClusterIP"
        spec["ports"] = spec["ports"]?.array.map { ports in
            .array(
                ports.map { port in
                    var filled = port
                    filled["protocol"] = port["protocol"] ?? "TCP"
                    filled["targetPort"] = port["targetPort"] ?? port["port"]
                    return filled
                }
            )
        }
        service["spec"] = spec
    }

    private mutating func serve(_ definition: DynamicObject) {
        guard let group = definition[path: "spec", "group"]?.string,
            let plural = definition[path: "spec", "names", "plural"]?.string,
            let kind = definition[path: "spec", "names", "kind"]?.string
        else { return }
        for version in definition[path: "spec", "versions"]?.array ?? [] {
            guard let name = version["name"]?.string else { continue }
            let isNamespaced = definition[path: "spec", "scope"]?.string != "Cluster"
            let type = ResourceType(group: group, version: name, kind: kind, plural: plural, isNamespaced: isNamespaced)
            if !self.types.contains(type) { self.types.append(type) }
            if version[path: "subresources", "status"] == nil { self.withoutStatusSubresource.insert(plural) }
        }
    }

    /// Removes an object, then what it owned and nobody else owns.
    private mutating func remove(_ key: Key, orphans: Bool = false) {
        guard let object = self.objects.removeValue(forKey: key) else { return }
        self.version += 1
        var last = object
        last["metadata"]?["resourceVersion"] = .string(String(self.version))
        self.changes.append(
            Change(version: self.version, collection: key.collection, before: object, after: nil, shown: last)
        )
        guard !orphans, self.collectsGarbage else { return }
        let uids = Set(self.objects.values.map(\.uid))
        let owned = self.objects.filter { entry in
            let owners = entry.value.owners
            return owners.contains(object.uid) && owners.allSatisfy { !uids.contains($0) }
        }
        for dependent in owned.keys.sorted(by: { $0.name < $1.name }) { self.remove(dependent) }
    }
}

extension DynamicObject {
    var finalizers: [String] { (self[path: "metadata", "finalizers"]?.array ?? []).compactMap(\.string) }
    var owners: [String] {
        (self[path: "metadata", "ownerReferences"]?.array ?? []).compactMap { $0["uid"]?.string }
    }
}

extension KubernetesRequest {
    fileprivate var isDryRun: Bool { self.query.contains(.init("dryRun", "All")) }
}
