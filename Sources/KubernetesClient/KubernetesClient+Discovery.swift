public import KubernetesModel

extension KubernetesClient {
    /// Everything the server has, by two requests where it can aggregate (Kubernetes 1.26 and later), else by one for each
    /// version of each group.
    ///
    /// A group whose own server does not answer is there without resources and marked as stale; it fails nothing else.
    ///
    /// - Returns: what there is now; nothing is remembered.
    public func discover() async throws -> APIDiscovery {
        var all: [APIDiscovery.GroupVersion] = []
        for root in ["api", "apis"] {
            let answer = try await self.sender.json(.discovery(root: root))
            if let aggregated = APIDiscovery(aggregated: answer) {
                all += aggregated.groupVersions
            } else if let groups = APIDiscovery(groups: answer) {
                for version in groups.groupVersions { all.append(try await self.completed(version)) }
            } else {
                throw KubernetesError(.protocolViolation, "the API server's answer for /\(root) lists no groups")
            }
        }
        return APIDiscovery(all)
    }

    /// The first of several versions of a type that the server has, asked version by version; nil for none.
    ///
    /// - Parameter candidates: the type in the versions that the caller can handle, the best one first.
    public func first(served candidates: [ResourceType]) async throws -> ResourceType? {
        for candidate in candidates where try await self.serves(candidate) { return candidate }
        return nil
    }

    private func completed(_ version: APIDiscovery.GroupVersion) async throws -> APIDiscovery.GroupVersion {
        var version = version
        do {
            version.read(
                resources: try await self.sender.json(.discovery(group: version.group, version: version.version))
            )
        } catch let error as KubernetesError where error.status != nil && !error.isUnauthorized {
            // An aggregated API whose server is away or broken, or one that went since the list was made: the others are well.
            version.isStale = true
        }
        return version
    }
}
