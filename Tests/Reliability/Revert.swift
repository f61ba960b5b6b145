import Foundation
import InterceptPlanning
import KubernetesModel

/// What somebody else does to a Service that is intercepted.
struct Revert: Sendable, Hashable {
    /// Who, and how.
    enum Kind: String, Sendable, CaseIterable {
        /// Argo CD's server-side apply.
        case argo
        /// Flux's.
        case flux
        /// `kubectl edit`, of selector and ports.
        case edit
        /// `kubectl replace`.
        case replace
        /// `kubectl patch`, by the lines that the Session has for it.
        case patch
        /// `kubectl patch` to a selector that was never the Service's.
        case other
        /// The Service is deleted.
        case delete
        /// The Service is deleted, and made again at once.
        case recreate
    }

    /// What the developer has asked for: `--on-revert`.
    enum Mode: String, Sendable, CaseIterable {
        case yield
        case reassert
    }

    var kind: Kind
    var mode: Mode

    /// All, in the order in which they are tried.
    static func all(_ mode: Mode) -> [Revert] { Kind.allCases.map { Revert(kind: $0, mode: mode) } }

    /// Whether the intercept goes on after it.
    var goesOn: Bool { self.mode == .reassert && self.putsBack }

    /// Whether the Service is the original's afterwards.
    private var putsBack: Bool { !self.deletes && self.kind != .other }

    /// Whether the Service is gone, for a moment at least: nobody can be answered then.
    var deletes: Bool { self.kind == .delete || self.kind == .recreate }

    /// As who a tool owns the Service, and the label that it sets; nil for a person.
    var tool: (manager: String, label: String)? {
        switch self.kind {
        case .argo: ("argocd-controller", "argocd.argoproj.io/instance")
        case .flux: ("kustomize-controller", "kustomize.toolkit.fluxcd.io/name")
        default: nil
        }
    }

    /// What the command has to say.
    ///
    /// - Parameter count: how often it has happened to this command, this time among it.
    func words(count: Int) -> String {
        if self.deletes { return "deleted or made anew" }
        let manager = self.tool?.manager ?? "kubectl-\(self.kind == .other ? Kind.patch.rawValue : self.kind.rawValue)"
        let words = "changed back by \(manager)"
        return self.goesOn ? "\(words); it is swapped again (\(count) of 10 times)" : words
    }

    /// Whether a selector is half the interceptor's and half the original's, which selects no Pod: Kubernetes 1.20 merges the keys
    /// that are applied into those that there are.
    static func isHalf(_ selector: [String: String]) -> Bool {
        selector[Marks.appLabel] != Marks.appValue && selector[Marks.sessionLabel] != nil
    }

    /// What is wrong with what the command has told about the tool, after all: nil where each has its advice once, and
    /// nobody has that of another.
    func complaint(of said: String) -> String? {
        let advice: [(of: Kind, text: String)] = [
            (.argo, "ignoreDifferences:"), (.flux, "kustomize.toolkit.fluxcd.io/reconcile=disabled"),
        ]
        for (kind, text) in advice {
            let (times, wanted) = (said.components(separatedBy: text).count - 1, kind == self.kind ? 1 : 0)
            if times != wanted { return "'\(text)' is said \(times) times, \(wanted) are right" }
        }
        return nil
    }
}

extension Bars {
    /// How soon a command says that others have put the Service back, and how soon it has it again where it is to.
    static func reverts(_ section: JSONValue?) -> [Line] {
        guard let seconds = section?["seconds"] else { return [] }
        func line(_ what: String, _ name: String, limit: Double?) -> Line? {
            guard let figures = seconds[name], let most = figures["max"]?.number else { return nil }
            let shown = ["median", "p90", "max"].map { "\($0) \(Self.seconds(figures[$0]))" }.joined(separator: ", ")
            return Line(
                what: what,
                bar: limit.map { "max ≤ \(Self.plain($0)) s" } ?? "none",
                measured: shown,
                isMet: limit.map { most <= $0 } ?? true
            )
        }
        return [
            line("somebody else changes the Service → the command says so", "detected_s", limit: 1),
            line("… with `--on-revert reassert` → the Service is swapped again", "reasserted_s", limit: nil),
            Self.lost(section?["batches"]),
        ].compactMap(\.self)
    }

    /// What bystanders lost to a selector that a tool left half done.
    private static func lost(_ batches: JSONValue?) -> Line? {
        let loads = (batches?.array ?? []).flatMap { $0["bystanders_led_nowhere"]?.array ?? [] }
        guard !loads.isEmpty else { return nil }
        func sum(_ names: String...) -> Int64 {
            loads.reduce(0) { sum, load in names.reduce(sum) { $0 + (load[$1]?.integer ?? 0) } }
        }
        let measured = "\(sum("failed", "altered", "retried")) of \(Self.count(.integer(sum("requests"))))"
        let what = "… bystanders' requests lost where a tool's write was merged into half a selector"
        return Line(what: what, bar: "none", measured: measured, isMet: true)
    }
}
