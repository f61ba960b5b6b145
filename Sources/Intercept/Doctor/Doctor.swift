public import InterceptPlanning
public import KubernetesClient
import KubernetesModel
import SessionControl

/// Looks at everything that has a say in an intercept, and changes nothing.
public struct Doctor: Sendable {
    private let client: KubernetesClient
    private let names: InterceptNames
    private let image: String
    private let programVersion: String

    /// A diagnosis of one Service in the client's namespace.
    ///
    /// - Parameters:
    ///   - client: the cluster.
    ///   - service: the Service's name.
    ///   - image: what the interceptor would run.
    ///   - programVersion: this program's version, such as `0.1.0`.
    public init(client: KubernetesClient, service: String, image: String, programVersion: String) {
        self.client = client
        self.names = InterceptNames(namespace: client.namespace, service: service)
        self.image = image
        self.programVersion = programVersion
    }

    /// What would stop or hurt an intercept, the worst first.
    ///
    /// - Throws: ``InterceptError`` with code `noSuchService`; `KubernetesError` when the API server cannot be asked at
    ///   all. What may not be looked at is a finding.
    public func findings() async throws -> [Finding] {
        Diagnosis.findings(in: try await self.surroundings())
    }

    /// Everything the rules look at.
    func surroundings() async throws -> Surroundings {
        var seen = Surroundings(names: self.names, image: self.image, programVersion: self.programVersion)
        var looks = Looks()
        // First, and alone: without an API server or the Service there is nothing to diagnose.
        do {
            seen.service = try await self.preflight.service()
        } catch let error as KubernetesError where error.isForbidden {
            looks.missed("get", .services, error)
        }
        async let services = self.list(.services)
        async let pods = self.list(.pods)
        async let networkPolicies = self.list(.networkPolicies)
        async let quotas = self.list(.resourceQuotas)
        async let limitRanges = self.list(.limitRanges)
        async let autoscalers = self.list(.autoscalers)
        async let budgets = self.disruptionBudgets()
        async let namespace = self.get(.namespaces, self.names.namespace)
        async let session = self.session(.resource)
        async let configMap = self.session(.configMap)
        async let interceptor = self.get(.deployments, self.names.interceptor)
        async let definition = self.definition()
        async let apiServers = self.apiServers()
        async let version = try? self.client.version()

        seen.services = looks.take(await services) ?? []
        seen.pods = looks.take(await pods)
        seen.networkPolicies = looks.take(await networkPolicies) ?? []
        seen.quotas = looks.take(await quotas) ?? []
        seen.limitRanges = looks.take(await limitRanges) ?? []
        seen.autoscalers = looks.take(await autoscalers) ?? []
        seen.disruptionBudgets = looks.take(await budgets)
        seen.namespace = looks.take(await namespace)?.first
        let stored = [looks.take(await session), looks.take(await configMap)].compactMap { $0?.first }
        seen.session = stored.first
        seen.secondSession = stored.dropFirst().first
        seen.interceptor = looks.take(await interceptor)?.first
        seen.definition = looks.take(await definition) ?? .served(nil)
        seen.apiServers = await apiServers
        seen.version = await version
        do {
            seen.home = try await self.preflight.home()
            let installed = try await self.preflight.installed()
            seen.denied = try await self.preflight.denied(seen.home, isPrepared: installed != nil)
            seen.identityFault = installed?.fault(keptAs: seen.readableKind ?? seen.home.kind)
        } catch let error as KubernetesError {
            looks.missed("create", .selfSubjectAccessReviews, error)
        }
        seen.unseen = looks.unseen
        return seen
    }

    private var preflight: Preflight { Preflight(client: self.client, names: self.names) }

    private func list(_ type: ResourceType) async -> Look<[DynamicObject]> {
        await Look("list", type) { try await self.client.resources(type, in: self.names.namespace).list().items }
    }

    /// One object or none.
    private func get(_ type: ResourceType, _ name: String) async -> Look<[DynamicObject]> {
        await Look("get", type) {
            let found = try await self.client.resources(type, in: self.names.namespace).find(name)
            return found.map { [$0] } ?? []
        }
    }

    /// The Session as an object of one kind.
    private func session(_ kind: SessionKind) async -> Look<[DynamicObject]> {
        await Look("get", kind.type) {
            let store = SessionStore(client: self.client, names: self.names)
            return try await store.stored(as: kind).map { [$0] } ?? []
        }
    }

    private func disruptionBudgets() async -> Look<[DynamicObject]> {
        var type = ResourceType.podDisruptionBudgets
        guard let serves = try? await self.client.serves(type), !serves else { return await self.list(type) }
        // Kubernetes before 1.21. There an empty selector selects nothing, where in v1 it selects everything.
        type.version = "v1beta1"
        var budgets = await self.list(type)
        budgets.value?.removeAll { $0[path: "spec", "selector"] == [:] }
        return budgets
    }

    private func definition() async -> Look<Surroundings.Definition> {
        await Look("get", .customResourceDefinitions) {
            guard try await self.client.serves(.sessions) else { return .absent }
            let name = SessionDefinition.manifest.name
            return .served(try await self.client.resources(.customResourceDefinitions).find(name))
        }
    }

    /// Where the API server answers behind its Service. Empty where that may not be read; the rules then go without.
    private func apiServers() async -> [Surroundings.APIServer] {
        let endpoints = try? await self.client.resources(.endpoints, in: "default").find("kubernetes")
        var found: [Surroundings.APIServer] = []
        for subset in endpoints?["subsets"]?.array ?? [] {
            for port in (subset["ports"]?.array ?? []).compactMap({ $0["port"]?.integer }) {
                for address in (subset["addresses"]?.array ?? []).compactMap({ $0["ip"]?.string }) {
                    found.append(Surroundings.APIServer(address: address, port: Int(port)))
                }
            }
        }
        return found
    }
}

/// What one look at the cluster gave.
private struct Look<Value: Sendable>: Sendable {
    var value: Value?
    var unseen: Surroundings.Unseen?

    /// Looks. What the server does not have is not unseen: there is none of it.
    init(_ verb: String, _ type: ResourceType, _ body: () async throws -> Value) async {
        do {
            self.value = try await body()
        } catch let error as KubernetesError where error.isNotFound {
            self.value = nil
        } catch {
            self.unseen = Surroundings.Unseen(verb, type, error)
        }
    }
}

extension Surroundings.Unseen {
    fileprivate init(_ verb: String, _ type: ResourceType, _ error: any Error) {
        // The server's sentence says no more than that, in two lines.
        let isForbidden = (error as? KubernetesError)?.isForbidden ?? false
        self.init(
            verb: verb,
            resource: type.qualifiedName,
            reason: isForbidden ? "you may not \(verb) them" : "\(error)"
        )
    }
}

/// What was not seen so far.
private struct Looks {
    var unseen: [Surroundings.Unseen] = []

    mutating func take<Value>(_ look: Look<Value>) -> Value? {
        if let unseen = look.unseen { self.unseen.append(unseen) }
        return look.value
    }

    mutating func missed(_ verb: String, _ type: ResourceType, _ error: KubernetesError) {
        self.unseen.append(Surroundings.Unseen(verb, type, error))
    }
}
