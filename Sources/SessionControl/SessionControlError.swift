import InterceptPlanning
import KubernetesModel

/// Why a Session could not be brought where it should be.
public struct SessionControlError: Error, Sendable, CustomStringConvertible {
    /// What, where, and the mend.
    public var description: String

    static func foreignObject(_ type: ResourceType, _ name: String, namespace: String) -> SessionControlError {
        SessionControlError(
            description: "\(type.kind) \(name) in namespace \(namespace) exists and does not belong to this intercept; "
                + "delete it (kubectl delete \(type.plural) \(name) -n \(namespace)) if nothing else needs it, and try again"
        )
    }

    static func unsettled(_ session: String, rounds: Int) -> SessionControlError {
        SessionControlError(
            description:
                "session \(session) did not settle in \(rounds) rounds: someone else keeps changing the Service "
                + "or the Session; see `detour session show`, and who writes the Service (kubectl get service -o yaml)"
        )
    }
}

extension SessionControlError {
    static func onlyDamagedSession(_ names: InterceptNames, _ kind: SessionKind) -> SessionControlError {
        let (place, type) = kind == .configMap ? ("data.ops", "configmap") : ("spec.restore-service", "session")
        return SessionControlError(
            description:
                "session \(names.session) cannot be read, and nothing else knows what service \(names.service) "
                + "was; it is left as it is. See \(place) in kubectl get \(type) \(names.session) "
                + "-n \(names.namespace) -o yaml, put selector and targetPorts back with kubectl edit service "
                + "\(names.service) -n \(names.namespace), and try again"
        )
    }

    static func originalUnknown(_ names: InterceptNames) -> SessionControlError {
        SessionControlError(
            description:
                "service \(names.service) in namespace \(names.namespace) still selects an interceptor, and its "
                + "session, its annotation and \(names.decoy) are all gone: nothing is left that knows its original "
                + "selector. Put selector and targetPorts back with kubectl edit service \(names.service) -n "
                + names.namespace
        )
    }

    static func noSuchSession(_ name: String, namespace: String, known: [String]) -> SessionControlError {
        SessionControlError(
            description: "no session \(name) in namespace \(namespace); "
                + (known.isEmpty ? "nothing is intercepted there" : "there are: \(known.joined(separator: ", "))")
        )
    }

    static func notAMember(_ owner: String, service: String, others: [String]) -> SessionControlError {
        SessionControlError(
            description: "\(owner) does not intercept \(service); \(others.joined(separator: ", ")) "
                + "\(others.count == 1 ? "does" : "do"). `detour session close \(service)` ends it for everybody"
        )
    }
}
