import InterceptPlanning
public import KubernetesClient
import KubernetesModel

/// Finds the Service that a target means: what is intercepted is always a Service.
public struct TargetResolver: Sendable {
    /// What a target means.
    public enum Meaning: Sendable, Hashable {
        /// This Service.
        case service(String)
        /// One of these Services, in the order of their names: only the user knows which.
        case oneOf([String])
    }

    private let client: KubernetesClient

    /// A resolver for the client's namespace.
    public init(client: KubernetesClient) {
        self.client = client
    }

    /// The Service of a target. A Service is not looked up here; a workload and all Services beside it are.
    ///
    /// - Throws: ``InterceptError`` with code `noSuchService`, the `PlanningError` of the only Service that leads to a
    ///   workload and cannot be intercepted, or `KubernetesError`.
    public func meaning(of target: TargetReference) async throws -> Meaning {
        guard let type = target.kind.workload else { return .service(target.name) }
        let place = "in namespace \(self.client.namespace)"
        guard let workload = try await self.client.resources(type).find(target.name) else {
            throw InterceptError(
                .noSuchService,
                "no \(target.kind.rawValue) \(target.name) \(place); is it the right namespace (-n), and the right "
                    + "cluster (--context)?"
            )
        }
        let labels = workload[path: "spec", "template", "metadata", "labels"]?.strings ?? [:]
        let services = WorkloadServices(
            podLabels: labels,
            among: try await self.client.resources(.services).list().items
        )
        switch (services.fit.count, services.unfit.count) {
        case (1, _): return .service(services.fit[0])
        case (2..., _): return .oneOf(services.fit)
        case (_, 1): throw services.unfit[0].reason
        case (_, 2...):
            let reasons = services.unfit.map { "\n  \($0.reason)" }.joined()
            throw InterceptError(
                .noSuchService,
                "no Service that leads to \(target.kind.rawValue) \(target.name) \(place) can be intercepted:\(reasons)"
            )
        default:
            throw InterceptError(
                .noSuchService,
                "no Service \(place) selects the Pods of \(target.kind.rawValue) \(target.name) "
                    + "(labels \(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))); "
                    + "make one: kubectl expose \(target.kind.rawValue) \(target.name) -n \(self.client.namespace) --port=PORT"
            )
        }
    }

    /// What is said when nobody can be asked which Service is meant.
    public func ambiguity(of target: TargetReference, among services: [String]) -> InterceptError {
        let commands = services.map { "\n  detour intercept \($0) -n \(self.client.namespace)" }.joined()
        return InterceptError(
            .badArgument,
            "several Services lead to \(target.kind.rawValue) \(target.name); say which, with your other options:\(commands)"
        )
    }
}

extension TargetReference.Kind {
    /// The resource of a workload; nil for a Service.
    var workload: ResourceType? {
        switch self {
        case .service: nil
        case .deployment: .deployments
        case .statefulSet: .statefulSets
        }
    }
}
