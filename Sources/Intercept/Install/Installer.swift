public import InterceptPlanning
public import KubernetesClient
import KubernetesModel

/// Brings the objects of an installation into a cluster: what is missing is made, what differs is changed, and nothing
/// else is touched. Running it again changes nothing.
public struct Installer: Sendable {
    private static let attempts = 5

    private let client: KubernetesClient
    private let installation: Installation

    /// An installer of one installation.
    public init(client: KubernetesClient, installation: Installation) {
        self.client = client
        self.installation = installation
    }

    /// Installs.
    ///
    /// Everything is judged, and every permission asked for, before the first object is written.
    ///
    /// - Parameter done: told of each object when it is as it should be.
    /// - Throws: ``InterceptError`` of code `forbidden` or `noSuchService`; `PlanningError` where an object of the same
    ///   name is somebody else's; `KubernetesError` otherwise.
    public func run(_ done: (InstallStep) -> Void) async throws {
        try await self.checkPermissions()
        for item in self.installation.items { done(try await self.settle(item)) }
    }

    private func checkPermissions() async throws {
        var denied: [String] = []
        for item in self.installation.items {
            let needed: Permission?
            do {
                needed = try await self.step(item).permission
            } catch let error as KubernetesError where error.isForbidden {
                denied.append("\(item.reading)")
                continue
            }
            guard let needed else { continue }
            let answer = try await self.client.canI(needed.verb, needed.type, in: item.manifest.namespace)
            if !answer.allowed { denied.append("\(needed)") }
        }
        guard denied.isEmpty else {
            throw InterceptError.mayNotInstall(denied.joined(separator: "; "), mend: "nothing was changed")
        }
    }

    /// Judges and writes one object, again when somebody else wrote it in between.
    private func settle(_ item: Installation.Item) async throws -> InstallStep {
        var attempt = 1
        while true {
            let step = try await self.step(item)
            do {
                try await self.carryOut(step)
                return step
            } catch let error as KubernetesError
                where (error.isConflict || error.isAlreadyExists) && attempt < Self.attempts
            {
                attempt += 1
            } catch let error as KubernetesError where error.isForbidden {
                // It was allowed to write; what it was not allowed to is to give away verbs it lacks.
                throw InterceptError.mayNotInstall(
                    "make \(item) as it should be: \(error.message)",
                    mend: "Kubernetes lets nobody grant what he may not do himself"
                )
            } catch let error as KubernetesError where error.isNotFound {
                throw InterceptError(
                    .noSuchService,
                    "\(item) cannot be made: \(error.message). Is the namespace there (kubectl get namespaces), and is "
                        + "this the right cluster (--context)?"
                )
            }
        }
    }

    private func step(_ item: Installation.Item) async throws -> InstallStep {
        try InstallStep(item, found: await self.resources(item).find(item.manifest.name))
    }

    private func carryOut(_ step: InstallStep) async throws {
        switch step.outcome {
        case .created: _ = try await self.resources(step.item).create(step.item.manifest)
        case .changed: _ = try await self.resources(step.item).patch(step.item.manifest.name, step.patch)
        case .unchanged: break
        }
    }

    private func resources(_ item: Installation.Item) -> ResourceClient {
        self.client.resources(item.type, in: item.manifest.namespace)
    }
}

extension InterceptError {
    fileprivate static func mayNotInstall(_ what: String, mend: String) -> InterceptError {
        InterceptError(
            .forbidden,
            "you may not \(what) (\(mend)). An administrator may: the same command with --dry-run prints the manifests, "
                + "for kubectl apply -f -"
        )
    }
}
