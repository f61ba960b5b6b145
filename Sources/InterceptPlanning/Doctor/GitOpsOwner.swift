import KubernetesModel

/// The tool that keeps an object as a repository has it, told by its marks and by who wrote the object.
struct GitOpsOwner: Sendable, Hashable {
    /// The tool.
    enum Tool: String, Sendable, Hashable {
        case argo = "Argo CD"
        case fluxKustomization = "a Flux Kustomization"
        case fluxHelm = "a Flux HelmRelease"
        case fleet = "Rancher Fleet"
        case configSync = "Config Sync"
        case kapp
        case helm = "Helm"
    }

    private var tool: Tool
    /// What told so, such as `label argocd.argoproj.io/instance=shop`.
    var evidence: String
    /// The application, release or Kustomization, where the mark names it.
    private var unit: String?

    /// The tool's name.
    var name: String { self.tool.rawValue }
    /// Whether it is Argo CD.
    var isArgo: Bool { self.tool == .argo }
    /// Whether it writes without being asked to.
    var reverts: Bool { self.tool != .helm }

    private static let fluxPause = (key: "kustomize.toolkit.fluxcd.io/reconcile", value: "disabled")
    private static let labels: [(String, Tool)] = [
        ("argocd.argoproj.io/instance", .argo), ("kustomize.toolkit.fluxcd.io/name", .fluxKustomization),
        ("helm.toolkit.fluxcd.io/name", .fluxHelm), ("objectset.rio.cattle.io/hash", .fleet),
        ("kapp.k14s.io/app", .kapp),
    ]
    private static let annotations: [(String, Tool)] = [
        ("argocd.argoproj.io/tracking-id", .argo), ("configmanagement.gke.io/managed", .configSync),
        ("meta.helm.sh/release-name", .helm),
    ]
    private static let managers: [(String, Tool)] = [
        ("argocd", .argo), ("kustomize-controller", .fluxKustomization), ("helm-controller", .fluxHelm),
        ("flux", .fluxKustomization), ("fleetagent", .fleet), ("configsync", .configSync), ("kapp", .kapp),
        ("helm", .helm),
    ]

    /// The owner of an object; nil when nothing tells of one.
    init?(of object: DynamicObject) {
        // What its mend below asks for: Flux leaves such an object alone.
        if object.annotations[Self.fluxPause.key] == Self.fluxPause.value { return nil }
        for (key, tool) in Self.labels {
            guard let value = object.labels[key] else { continue }
            self.init(tool: tool, evidence: "label \(key)=\(value)", unit: value)
            return
        }
        for (key, tool) in Self.annotations {
            guard let value = object.annotations[key] else { continue }
            let unit = value.split(separator: ":").first.map(String.init)
            self.init(tool: tool, evidence: "annotation \(key)=\(value)", unit: unit)
            return
        }
        let managers = (object[path: "metadata", "managedFields"]?.array ?? []).compactMap { $0["manager"]?.string }
        for (prefix, tool) in Self.managers {
            guard let manager = managers.first(where: { $0.hasPrefix(prefix) }) else { continue }
            self.init(tool: tool, evidence: "field manager \(manager)", unit: nil)
            return
        }
        // Argo CD's default mark is a label that many charts set for themselves: it tells only what it may be.
        if let instance = object.labels["app.kubernetes.io/instance"],
            object.labels["app.kubernetes.io/managed-by"] == "argocd"
        {
            self.init(tool: .argo, evidence: "label app.kubernetes.io/instance=\(instance)", unit: instance)
            return
        }
        if object.labels["app.kubernetes.io/managed-by"] == "Helm" {
            let instance = object.labels["app.kubernetes.io/instance"]
            self.init(tool: .helm, evidence: "label app.kubernetes.io/managed-by=Helm", unit: instance)
            return
        }
        return nil
    }

    private init(tool: Tool, evidence: String, unit: String?) {
        self.tool = tool
        self.evidence = evidence
        self.unit = unit
    }

    /// How to keep it from writing meanwhile.
    func mend(_ names: InterceptNames) -> String {
        let object = "service \(names.service) -n \(names.namespace)"
        switch self.tool {
        case .argo:
            let application = self.unit ?? "APPLICATION"
            return
                "stop its self-healing while you intercept: argocd app set \(application) --self-heal=false; or let it "
                + "ignore /spec/selector and /spec/ports of this Service (ignoreDifferences with RespectIgnoreDifferences)"
        case .fluxKustomization:
            return
                "pause it for this Service: kubectl annotate \(object) \(Self.fluxPause.key)=\(Self.fluxPause.value); "
                + "afterwards the same with reconcile-"
        case .fluxHelm:
            return "pause it while you intercept: flux suspend helmrelease \(self.unit ?? "RELEASE") "
                + "-n \(names.namespace); afterwards flux resume"
        case .helm: return "do not upgrade the release \(self.unit.map { "\($0) " } ?? "")while you intercept"
        case .fleet, .configSync, .kapp:
            return "pause it while you intercept, or let it ignore spec.selector and spec.ports of this Service"
        }
    }
}
