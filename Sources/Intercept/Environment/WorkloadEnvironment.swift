import Foundation
import InterceptPlanning
public import KubernetesClient
import KubernetesModel

/// The variables of a Service's workload, as its container has them.
///
/// Not among them: the `…_SERVICE_HOST` variables that Kubernetes makes of the Services there are.
public struct WorkloadEnvironment: Sendable {
    /// The variables by name.
    public private(set) var variables: [String: String] = [:]
    /// What was left out, and why: never a value.
    public private(set) var warnings: [String] = []
    /// The container they are of, `pod/container`.
    public private(set) var source = ""

    private let client: KubernetesClient
    private let namespace: String
    /// ConfigMaps and Secrets by kind and name; nil for one that cannot be had.
    private var read: [String: [String: String]?] = [:]

    /// Reads the environment of the container that answers a port of the Service.
    ///
    /// - Throws: ``InterceptError`` with code `noWorkload` when the Service selects no Pod, or `KubernetesError`.
    public init(_ side: InterceptRun.LocalSide, client: KubernetesClient) async throws {
        self.client = client
        self.namespace = side.names.namespace
        let query = side.original.selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let pods = try await client.resources(.pods, in: self.namespace).list(labels: query.joined(separator: ","))
            .items
        let number = side.ports.first.map { Int64($0.remote) }
        let port = (side.original.ports.array ?? []).first { $0["port"]?.integer == number } ?? .object([:])
        guard let container = WorkloadContainer(pods: pods, port: port) else {
            throw InterceptError(
                .noWorkload,
                "service \(side.names.service) in namespace \(self.namespace) has no Pod to take the environment from; "
                    + "start one (kubectl scale), or leave out --env-file"
            )
        }
        self.source = "\(container.pod.name)/\(container.name)"
        try await self.readAll(container)
    }

    private mutating func readAll(_ container: WorkloadContainer) async throws {
        for source in container.json["envFrom"]?.array ?? [] {
            let prefix = source["prefix"]?.string ?? ""
            for (key, reference) in [("ConfigMap", source["configMapRef"]), ("Secret", source["secretRef"])] {
                guard let name = reference?["name"]?.string else { continue }
                let found = try await self.data(
                    key,
                    name,
                    for: "all its keys",
                    isOptional: reference?["optional"]?.bool
                )
                self.variables.merge((found ?? [:]).map { (prefix + $0.key, $0.value) }) { $1 }
            }
        }
        // As the kubelet does: references see `envFrom` and what `env` has defined so far, and an optional key that is not
        // there leaves a variable as it was.
        for entry in container.json["env"]?.array ?? [] {
            guard let name = entry["name"]?.string else { continue }
            if let value = try await self.value(name, entry, container) { self.variables[name] = value }
        }
    }

    private mutating func value(
        _ name: String,
        _ entry: JSONValue,
        _ container: WorkloadContainer
    ) async throws -> String? {
        guard let from = entry["valueFrom"] else {
            return VariableExpansion.expand(entry["value"]?.string ?? "") { self.variables[$0] }
        }
        for (kind, reference) in [("ConfigMap", from["configMapKeyRef"]), ("Secret", from["secretKeyRef"])] {
            guard let object = reference?["name"]?.string, let key = reference?["key"]?.string else { continue }
            let isOptional = reference?["optional"]?.bool
            guard let data = try await self.data(kind, object, for: name, isOptional: isOptional) else { return nil }
            if data[key] == nil, isOptional != true {
                self.warnings.append("\(kind) \(object) has no text at key \(key); \(name) is left out")
            }
            return data[key]
        }
        let value =
            from[path: "fieldRef", "fieldPath"]?.string.flatMap { PodField.value($0, of: container.pod) }
            ?? from["resourceFieldRef"].flatMap { PodField.amount($0, of: container.json, in: container.pod) }
        if value == nil {
            self.warnings.append(
                "\(name) comes from a field that container \(self.source) does not set; it is left out"
            )
        }
        return value
    }

    /// The texts in a ConfigMap or Secret; nil where it is not there or not to be read, which is said.
    private mutating func data(
        _ kind: String,
        _ name: String,
        for variable: String,
        isOptional: Bool?
    ) async throws -> [String: String]? {
        let key = "\(kind) \(name)"
        if let known = self.read[key] {
            if known == nil { self.leaveOut(variable, key, isOptional) }
            return known
        }
        let type: ResourceType = kind == "Secret" ? .secrets : .configMaps
        do {
            let object = try await self.client.resources(type, in: self.namespace).find(name)
            self.read[key] = .some(object.map { Self.texts($0, isSecret: kind == "Secret") })
        } catch let error as KubernetesError where error.isForbidden {
            self.read[key] = .some(nil)
            self.warnings.append("you may not read \(key) in namespace \(self.namespace); \(variable) is left out")
            return nil
        }
        let found = self.read[key] ?? nil
        if found == nil { self.leaveOut(variable, key, isOptional) }
        return found
    }

    private mutating func leaveOut(_ variable: String, _ key: String, _ isOptional: Bool?) {
        guard isOptional != true else { return }
        self.warnings.append("\(key) cannot be had in namespace \(self.namespace); \(variable) is left out")
    }

    private static func texts(_ object: DynamicObject, isSecret: Bool) -> [String: String] {
        let data = object["data"]?.strings ?? [:]
        guard isSecret else { return data }
        return data.compactMapValues { text in
            Data(base64Encoded: text).flatMap { String(data: $0, encoding: .utf8) }
        }
    }
}
