import KubernetesModel

extension Diagnosis {
    /// What the user may not do, and what the cluster does not know yet.
    static func access(_ seen: Surroundings) -> [Finding] {
        var found: [Finding] = []
        if !seen.denied.isEmpty {
            found.append(
                Finding(
                    .stops,
                    .permissionMissing,
                    "you may not, in namespace \(seen.names.namespace): \(seen.denied.joined(separator: "; "))",
                    mend: Installation.request(
                        namespace: seen.names.namespace,
                        home: seen.home
                    )
                        + "; see what you have with kubectl auth can-i --list -n \(seen.names.namespace)"
                )
            )
        }
        if let fault = seen.identityFault {
            found.append(Finding(.stops, .permissionMissing, fault.what, mend: fault.mend))
        }
        return found + self.definition(seen)
    }

    private static func definition(_ seen: Surroundings) -> [Finding] {
        let name = SessionDefinition.manifest.name
        switch seen.definition {
        case .absent:
            return [
                Finding(
                    .note,
                    .definitionMissing,
                    "the cluster does not know Sessions (\(name)) yet",
                    mend: seen.home == .configMap
                        ? "nothing: you may not make their definition, so your intercepts keep their sessions in "
                            + "ConfigMaps; an administrator makes it by detour install --cluster"
                        : "nothing: your first intercept makes their definition"
                )
            ]
        case .served(let definition?) where !self.isCurrent(definition):
            return [
                Finding(
                    .hurts,
                    .definitionOld,
                    "the definition of \(name) in the cluster is another version's: fields this program writes may be "
                        + "dropped",
                    mend: "use the version of Detour that made it; or, when `detour session list -A` shows none, "
                        + "let an administrator remove it (kubectl delete crd \(name)): the next intercept makes it anew"
                )
            ]
        case .served: return []
        }
    }

    /// Whether a definition has all that this program's has; servers add fields of their own.
    private static func isCurrent(_ definition: DynamicObject) -> Bool {
        func has(_ there: JSONValue?, all needed: JSONValue) -> Bool {
            switch needed {
            case .object(let members): there?.object != nil && members.allSatisfy { has(there?[$0.key], all: $0.value) }
            case .array(let elements):
                elements.allSatisfy { element in (there?.array ?? []).contains { has($0, all: element) } }
            default: there == needed
            }
        }
        let needed = SessionDefinition.manifest[path: "spec", "versions"]?.array?.first ?? [:]
        let there = (definition[path: "spec", "versions"]?.array ?? []).first { $0["name"] == needed["name"] }
        let isServed = there?["served"]?.bool ?? false
        return isServed && has(there?["subresources"], all: needed["subresources"] ?? [:])
            && has(there?["schema"], all: needed["schema"] ?? [:])
    }

    /// What could not be looked at: a rule that saw nothing must not pass for one that found nothing.
    static func unseen(_ seen: Surroundings) -> [Finding] {
        seen.unseen.map { unseen in
            Finding(
                .note,
                .notSeen,
                "could not look at \(unseen.resource): \(unseen.reason)",
                mend: "ask for \(unseen.verb) on \(unseen.resource), or take what depends on it for unknown"
            )
        }
    }
}
