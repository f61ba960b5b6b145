public import InterceptPlanning
import KubernetesClient
public import KubernetesModel
import SessionControl

extension InterceptRun {
    /// What an intercept would create and change, without changing anything.
    public struct DryRun: Sendable {
        /// The objects, in the order they would be made.
        public var objects: [DynamicObject]
        /// The patch of the Service.
        public var servicePatch: [JSONPatchOperation]
        /// The Service's namespace and name.
        public var names: InterceptNames
    }

    /// Checks like a real start, then tells what it would do.
    ///
    /// - Throws: what a real start would throw before its first change.
    public func dryRun() async throws -> DryRun {
        let preflight = Preflight(client: self.client, names: self.names)
        let (home, existing) = try await self.home(preflight)
        let (ports, original, uid) = try await self.target(preflight, existing, heals: false)
        if self.options.restartsTarget {
            _ = try await self.targetRestart.workloads(selector: original.selector)
        }
        let route = Route(
            id: "(random)",
            owner: self.options.owner,
            ports: ports.map(\.remote),
            match: self.options.match,
            fingerprint: "(random)",
            ttlSeconds: self.options.ttlSeconds,
            onUnreachable: self.options.onUnreachable,
            onRevert: self.options.onRevert,
            samplePer10000: self.options.samplePer10000,
            isBounded: self.options.requestLimit != nil,
            isMirror: self.options.mirror != nil
        )
        let secrets = try self.tlsSecrets(ports, original)
        let replicas = try await self.replicas(preflight, original)
        let session = Session(
            names: self.names,
            serviceUID: uid,
            incarnation: "(random)",
            original: original,
            routes: [route],
            settings: InterceptorSettings(
                image: self.options.image,
                replicas: replicas,
                drainSeconds: self.options.drainSeconds,
                imagePullSecret: self.options.imagePullSecret,
                tlsSecrets: secrets
            ),
            kind: home.kind
        )
        if let existing, case .refused(let error) = try self.joining(existing, route, secrets) { throw error }
        let manifests = InterceptManifests(session: session)
        let there = try await preflight.installed() == nil ? [] : OwnedObject.identity
        let owned = OwnedObject.allCases.filter {
            !there.contains($0) && ($0 != .disruptionBudget || session.settings.replicas > 1)
        }
        let definition = home == .resourceOnceDefined ? [SessionDefinition.manifest] : []
        return DryRun(
            objects: definition + [session.object]
                + owned.map { object in
                    manifests.manifest(
                        object,
                        decoyAddress: object == .configMap ? "(the decoy's cluster address)" : ""
                    )
                },
            servicePatch: ServiceSwap(session).hijack(try await preflight.service()),
            names: self.names
        )
    }
}
