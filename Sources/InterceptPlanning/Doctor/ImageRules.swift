import KubernetesModel

extension Diagnosis {
    /// Whether the interceptor's Pods can start, as far as one that was tried tells.
    static func image(_ seen: Surroundings) -> [Finding] {
        let troubles = seen.interceptorPods.compactMap { pod in
            WaitingReason(of: pod).map { self.trouble($0, pod, seen) }
        }
        let homeless = seen.interceptorPods.map(InterceptorPod.init).compactMap { self.homeless($0, seen) }
        if let trouble = (troubles + homeless).first { return [trouble] + self.refusal(seen) }
        return self.refusal(seen) + self.unproven(seen)
    }

    private static func trouble(_ waiting: WaitingReason, _ pod: DynamicObject, _ seen: Surroundings) -> Finding {
        let namespace = seen.names.namespace
        guard waiting.isImagePull else {
            return Finding(
                .stops,
                .interceptorNotStarting,
                "the interceptor's Pod \(pod.name) in namespace \(namespace) does not start (\(waiting.reason)): "
                    + waiting.message,
                mend: "see kubectl logs \(pod.name) -n \(namespace) --previous"
            )
        }
        return Finding(
            .stops,
            .imagePull,
            "the cluster cannot pull the interceptor's image \(pod.firstImage) (\(waiting.reason)): \(waiting.message)",
            mend: "detour image push REGISTRY/NAME, then name it with --image (and a Secret for the registry with "
                + "--image-pull-secret)"
        )
    }

    /// A Pod that no node takes: for want of room, or because nodes are cordoned or tainted.
    private static func homeless(_ pod: InterceptorPod, _ seen: Surroundings) -> Finding? {
        pod.unschedulable.map { why in
            Finding(
                .stops,
                .interceptorNotStarting,
                "no node takes the interceptor's Pod \(pod.name) in namespace \(seen.names.namespace): \(why)",
                mend: "make room on a node, or let one take Pods again (kubectl uncordon, or kubectl taint); see "
                    + "kubectl describe pod \(pod.name) -n \(seen.names.namespace)"
            )
        }
    }

    private static func refusal(_ seen: Surroundings) -> [Finding] {
        let conditions = seen.interceptor?[path: "status", "conditions"]?.array ?? []
        return conditions.filter { $0["type"]?.string == "ReplicaFailure" && $0["status"]?.string == "True" }.map {
            Finding(
                .stops,
                .interceptorRefused,
                "the cluster refuses the Pods of \(seen.names.interceptor) in namespace \(seen.names.namespace): "
                    + ($0["message"]?.string ?? "no reason given"),
                mend: "see what refuses them: kubectl describe deployment \(seen.names.interceptor) "
                    + "-n \(seen.names.namespace)"
            )
        }
    }

    /// Nobody but a kubelet can say whether it can pull an image; a Pod that ran it is the proof.
    private static func unproven(_ seen: Surroundings) -> [Finding] {
        let isProven = (seen.pods ?? []).contains { InterceptorPod($0).isReady && $0.firstImage == seen.image }
        guard !isProven else { return [] }
        return [
            Finding(
                .note,
                .imageUnproven,
                "no running Pod shows that the nodes can pull \(seen.image) (imagePullPolicy: IfNotPresent); a start that "
                    + "cannot is undone, with the registry's words",
                mend: "try it: " + self.trial(seen)
            )
        ]
    }

    /// The command that runs the image once, in a Pod that is admitted wherever the interceptor's are.
    private static func trial(_ seen: Surroundings) -> String {
        let name = "detour-image-check"
        let planned = InterceptManifests(session: seen.planned).podSpec
        let container: JSONValue = [
            "name": .string(name), "image": .string(seen.image), "args": ["--version"],
            "securityContext": planned["containers"]?[0]?["securityContext"] ?? [:],
        ]
        let overrides: JSONValue = [
            "spec": ["securityContext": planned["securityContext"] ?? [:], "containers": [container]]
        ]
        return "kubectl run \(name) -n \(seen.names.namespace) --rm -i --restart=Never --image=\(seen.image) "
            + "--overrides='\(overrides.compact)'"
    }

    /// Versions that were never tried together.
    static func versions(_ seen: Surroundings) -> [Finding] {
        var found: [Finding] = []
        if let version = seen.version, !version.isAtLeast(1, 20) || version.isAtLeast(1, 37) {
            found.append(
                Finding(
                    .hurts,
                    .serverVersion,
                    "the API server is \(version); Detour is made for Kubernetes 1.20 to 1.36",
                    mend: "try it where nobody depends on the Service, or use a Detour made for that version"
                )
            )
        }
        if let tag = seen.image.versionTag, tag != seen.programVersion {
            found.append(
                Finding(
                    .hurts,
                    .imageVersion,
                    "the interceptor's image \(seen.image) is of version \(tag), this program of \(seen.programVersion): "
                        + "they may not understand each other",
                    mend: "push this program as the image (detour image push REGISTRY/NAME) and name it with --image"
                )
            )
        }
        return found
    }
}

extension DynamicObject {
    /// The image of a Pod's first container, as it was asked for.
    fileprivate var firstImage: String { self[path: "spec", "containers"]?[0]?["image"]?.string ?? "" }
}

extension String {
    /// An image reference's tag, where it looks like a version of three numbers; nil else, and beside a digest.
    fileprivate var versionTag: String? {
        guard !self.contains("@"), let colon = self.lastIndex(of: ":") else { return nil }
        let tag = self[self.index(after: colon)...]
        let numbers = tag.drop { $0 == "v" }.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers.allSatisfy({ Int($0) != nil }) else { return nil }
        return numbers.joined(separator: ".")
    }
}
