public import KubernetesModel

/// What to tell somebody whose intercept was undone by a tool.
public enum RevertAdvice {
    /// Which tool keeps the Service as a repository has it, how that is known, and how it leaves the next intercept alone;
    /// nil when the Service shows no tool that writes by itself.
    ///
    /// For Argo CD with what the Application needs, ready to be pasted
    /// ([Diffing Customization](https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/)).
    public static func text(for service: DynamicObject, names: InterceptNames) -> String? {
        guard let owner = GitOpsOwner(of: service), owner.reverts else { return nil }
        let known = "\(owner.name) keeps this Service as its repository has it (\(owner.evidence))"
        guard let snippet = owner.ignoreDifferences(names) else { return "\(known): \(owner.mend(names))" }
        return "\(known). So that it leaves the next intercept alone, put this into the Application:\n\n\(snippet)\n"
    }
}

extension GitOpsOwner {
    /// The part of an Application that makes Argo CD look away from what an intercept writes; nil for other tools.
    ///
    /// `RespectIgnoreDifferences` keeps a sync from writing it all the same.
    fileprivate func ignoreDifferences(_ names: InterceptNames) -> String? {
        guard self.isArgo else { return nil }
        return """
                spec:
                  ignoreDifferences:
                  - kind: Service
                    name: \(names.service)
                    namespace: \(names.namespace)
                    jsonPointers: [/spec/selector, /spec/ports]
                  syncPolicy:
                    syncOptions: [RespectIgnoreDifferences=true]
            """
    }
}
