import KubernetesModel

/// What a `fieldRef` or a `resourceFieldRef` of a container's variable leads to.
enum PodField {
    /// The value at a field path of a Pod, as the kubelet puts it into a variable; nil when there is none.
    static func value(_ path: String, of pod: DynamicObject) -> String? {
        switch path {
        case "metadata.name": return pod.name
        case "metadata.namespace": return pod.namespace
        case "metadata.uid": return pod.uid
        case "spec.nodeName": return pod[path: "spec", "nodeName"]?.string
        case "spec.serviceAccountName": return pod[path: "spec", "serviceAccountName"]?.string
        case "status.podIP": return pod[path: "status", "podIP"]?.string
        case "status.hostIP": return pod[path: "status", "hostIP"]?.string
        case "status.podIPs": return Self.addresses(pod, "podIPs")
        case "status.hostIPs": return Self.addresses(pod, "hostIPs")
        default: break
        }
        for (start, values) in [("metadata.labels['", pod.labels), ("metadata.annotations['", pod.annotations)]
        where path.hasPrefix(start) && path.hasSuffix("']") {
            return values[String(path.dropFirst(start.count).dropLast(2))] ?? ""
        }
        return nil
    }

    private static func addresses(_ pod: DynamicObject, _ key: String) -> String? {
        pod[path: "status", key]?.array.map { $0.compactMap { $0["ip"]?.string }.joined(separator: ",") }
    }

    /// The amount of a resource that a container may have or asks for, in units of the divisor; nil where it says nothing.
    static func amount(_ reference: JSONValue, of container: JSONValue, in pod: DynamicObject) -> String? {
        let named = reference["containerName"]?.string
        let containers = pod[path: "spec", "containers"]?.array ?? []
        let container = named.flatMap { name in containers.first { $0["name"]?.string == name } } ?? container
        let parts = (reference["resource"]?.string ?? "").split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, let text = Self.text(container[path: "resources", parts[0], parts[1]]),
            let amount = Quantity(text)
        else { return nil }
        let divisor = Self.text(reference["divisor"]).flatMap { Quantity($0) }
        return Quantity("1").flatMap { one in
            amount.divided(by: divisor.flatMap { $0.thousandths > 0 ? $0 : nil } ?? one).map(String.init)
        }
    }

    private static func text(_ value: JSONValue?) -> String? {
        value?.string ?? value?.integer.map { String($0) }
    }
}
