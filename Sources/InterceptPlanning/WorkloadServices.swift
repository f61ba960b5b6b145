public import KubernetesModel

/// The Services of a namespace that lead to one workload's Pods, by their selectors.
///
/// A Service that is intercepted at the moment counts by what it was: its selector leads to the interceptor meanwhile.
public struct WorkloadServices: Sendable, Hashable {
    /// A Service that cannot be intercepted, and why.
    public struct Unfit: Sendable, Hashable {
        /// The Service's name.
        public var service: String
        /// Why not.
        public var reason: PlanningError
    }

    /// The names of those that can be intercepted, sorted.
    public private(set) var fit: [String] = []
    /// Those that cannot.
    public private(set) var unfit: [Unfit] = []

    /// Looks through all Services of the namespace; decoys do not count.
    public init(podLabels: [String: String], among services: [DynamicObject]) {
        for service in services.sorted(by: { $0.name < $1.name }) where service.labels[Marks.sessionLabel] == nil {
            let service = Self.beforeHijack(service, among: services)
            let selector = service[path: "spec", "selector"]?.strings ?? [:]
            guard !selector.isEmpty, selector.allSatisfy({ podLabels[$0.key] == $0.value }) else { continue }
            do throws(PlanningError) {
                _ = try InterceptTarget(service)
                self.fit.append(service.name)
            } catch {
                self.unfit.append(Unfit(service: service.name, reason: error))
            }
        }
    }

    /// The Service as its annotation or its decoy tell that it was.
    private static func beforeHijack(_ service: DynamicObject, among services: [DynamicObject]) -> DynamicObject {
        guard ServiceSwap.selectedIncarnation(of: service) != nil else { return service }
        let decoy = InterceptNames(namespace: service.namespace ?? "", service: service.name).decoy
        let swap =
            ServiceSwap(annotationOf: service)
            ?? services.first { $0.name == decoy }.flatMap { ServiceSwap(decoy: $0, of: service) }
        guard let swap else { return service }
        var before = service
        before["spec"]?["selector"] = JSONValue(swap.original.selector)
        before["spec"]?["ports"] = swap.original.ports
        return before
    }
}
