import InterceptPlanning
import KubernetesClient
import KubernetesModel

/// The checks before anything is changed: what is wrong is said while the cluster is untouched.
struct Preflight: Sendable {
    let client: KubernetesClient
    let names: InterceptNames

    /// The Service as it is.
    func service() async throws -> DynamicObject {
        guard
            let service = try await self.client.resources(.services, in: self.names.namespace).find(self.names.service)
        else { throw await self.noSuchService() }
        return service
    }

    /// Names what there is instead, as far as the user may see it.
    private func noSuchService() async -> InterceptError {
        let missing = "no service \(self.names.service) in namespace \(self.names.namespace)"
        for kind in [TargetReference.Kind.deployment, .statefulSet] {
            guard let type = kind.workload,
                let found = try? await self.client.resources(type, in: self.names.namespace).find(self.names.service)
            else { continue }
            return InterceptError(
                .noSuchService,
                "\(missing), but there is a \(kind.rawValue) of that name; to intercept the Service that leads to it: "
                    + "detour intercept \(kind.rawValue)/\(found.name) -n \(self.names.namespace)"
            )
        }
        let services = try? await self.client.resources(.services, in: self.names.namespace).list()
        let names = (services?.items.map(\.name) ?? []).filter { !$0.hasSuffix("-decoy") }.sorted()
        if names.isEmpty, await self.namespaceIsMissing() {
            return InterceptError(
                .noSuchService,
                "there is no namespace \(self.names.namespace); is it spelled right (-n), and is it the right cluster "
                    + "(--context)?"
            )
        }
        let mend =
            names.isEmpty
            ? "that namespace has no Services that you can see; is it the right one (-n), and the right cluster (--context)?"
            : "there are: \(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : ""); or is it another "
                + "namespace (-n)?"
        return InterceptError(
            .noSuchService,
            "\(missing); \(mend)"
        )
    }

    /// Whether the server says that there is no such namespace; who may not ask is not told.
    private func namespaceIsMissing() async -> Bool {
        do {
            return try await self.client.resources(.namespaces).find(self.names.namespace) == nil
        } catch {
            return false
        }
    }

    /// Where a new Session would be kept.
    func home() async throws -> SessionHome {
        if try await self.client.serves(.sessions) { return .resource }
        return try await self.denied(Permission.ofDefinition).isEmpty ? .resourceOnceDefined : .configMap
    }

    /// Asks the API server whether every verb that an intercept needs is allowed, and names those that are not.
    ///
    /// - Throws: ``InterceptError`` with code `forbidden`, also where what an administrator made for the interceptor to run
    ///   as is not enough for it.
    func permissions(_ home: SessionHome) async throws {
        let installed = try await self.installed()
        let denied = try await self.denied(home, isPrepared: installed != nil)
        guard denied.isEmpty else {
            let mend = Installation.request(namespace: self.names.namespace, home: home)
            throw InterceptError(
                .forbidden,
                "you may not, in namespace \(self.names.namespace): \(denied.joined(separator: "; ")). "
                    + "Nothing was changed; \(mend)"
            )
        }
        if let fault = installed?.fault(keptAs: home.kind) {
            throw InterceptError(.forbidden, "\(fault.what). Nothing was changed; \(fault.mend)")
        }
    }

    /// What the API server does not allow of all that an intercept needs, sorted.
    func denied(_ home: SessionHome, isPrepared: Bool) async throws -> [String] {
        try await self.denied(Permission.ofIntercept(home, session: self.names.session, isPrepared: isPrepared))
    }

    /// What an administrator has made for the interceptor of this Service to run as; nil unless all of it is there.
    func installed() async throws -> InstalledIdentity? {
        var found: [OwnedObject: DynamicObject] = [:]
        for object in OwnedObject.identity {
            do {
                let resources = self.client.resources(object.type, in: self.names.namespace)
                guard let there = try await resources.find(object.name(in: self.names)),
                    InterceptManifests.isInstalled(there)
                else { return nil }
                found[object] = there
            } catch let error as KubernetesError where error.isForbidden {
                return nil
            }
        }
        guard let role = found[.role], let binding = found[.roleBinding] else { return nil }
        return InstalledIdentity(names: self.names, role: role, binding: binding)
    }

    /// What the API server does not allow of these, sorted.
    func denied(_ permissions: [Permission]) async throws -> [String] {
        let denied = try await withThrowingTaskGroup(of: Permission?.self) { group in
            for permission in permissions {
                group.addTask {
                    let answer = try await self.client.canI(
                        permission.verb,
                        permission.type,
                        subresource: permission.subresource,
                        name: permission.name,
                        in: permission.type.isNamespaced ? self.names.namespace : nil
                    )
                    return answer.allowed ? nil : permission
                }
            }
            return try await group.reduce(into: [Permission]()) { denied, next in
                if let next { denied.append(next) }
            }
        }
        return Permission.grouped(denied)
    }

    /// As many replicas as the workload has, two at most: an intercept is no new single point of failure.
    func replicas(selector: [String: String]) async throws -> Int {
        let query = selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        let pods = try await self.client.resources(.pods, in: self.names.namespace).list(labels: query).items
        return pods.filter { !$0.isTerminating && InterceptorPod($0).isReady }.count >= 2 ? 2 : 1
    }

    /// Makes the Session's definition where it is missing, and waits until the server serves it.
    func ensureDefinition() async throws {
        let definitions = self.client.resources(.customResourceDefinitions)
        do {
            _ = try await definitions.create(SessionDefinition.manifest)
        } catch let error as KubernetesError where error.isAlreadyExists {
            // Someone else was faster.
        }
        for _ in 0..<100 {
            let conditions = try await definitions.get(SessionDefinition.manifest.name)[path: "status", "conditions"]
            let isEstablished = (conditions?.array ?? []).contains {
                $0["type"]?.string == "Established" && $0["status"]?.string == "True"
            }
            // Established is not yet served: the handler for the new path is installed a moment later.
            if isEstablished, (try? await self.client.resources(.sessions, in: self.names.namespace).list()) != nil {
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw InterceptError(
            .notReady,
            "the API server does not serve sessions.detour.dev 10 s after its definition was made; "
                + "see kubectl describe crd sessions.detour.dev"
        )
    }
}
