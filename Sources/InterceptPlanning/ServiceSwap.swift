public import KubernetesModel

/// How a Service is hijacked and restored, as JSON Patch computed from the Service as it is now.
///
/// A restore is a three-way merge of what was (the original), what the hijack wrote and what stands there now: only what
/// still is the hijack's own is put back, so a foreign change is never overwritten.
public struct ServiceSwap: Sendable, Hashable {
    /// The hijack's name.
    public var incarnation: String
    /// What the Service was.
    public var original: OriginalService
    /// What kind of object holds the Session.
    public var kind: SessionKind

    /// A swap for one incarnation.
    public init(incarnation: String, original: OriginalService, kind: SessionKind = .resource) {
        self.incarnation = incarnation
        self.original = original
        self.kind = kind
    }

    /// The swap a Session describes.
    public init(_ session: Session) {
        self.init(incarnation: session.incarnation, original: session.original, kind: session.kind)
    }

    /// The selector the hijack writes.
    public var hijackedSelector: [String: String] { Marks.selector(incarnation: self.incarnation) }

    /// The ports the hijack writes: the same, each `targetPort` replaced by the interceptor's.
    public var hijackedPorts: JSONValue { Self.redirect(self.original.ports) }

    /// Whether the Service's selector is this hijack's.
    public func isHijacked(_ service: DynamicObject) -> Bool {
        service[path: "spec", "selector"]?.strings == self.hijackedSelector
    }

    /// Whether each of the Service's ports leads to the interceptor's listener for it. A port that was removed leads nowhere,
    /// as somebody meant it to; one that was added, or led back, leads to Pods that know nothing of it.
    public func redirectsAllPorts(of service: DynamicObject) -> Bool {
        let written = self.hijackedPorts.array ?? []
        return (service[path: "spec", "ports"]?.array ?? []).allSatisfy { port in
            written.contains { Self.key($0) == Self.key(port) && $0["targetPort"] == port["targetPort"] }
        }
    }

    /// The patch that hijacks; it fails as a whole (422) unless selector and ports still are the original's.
    public func hijack(_ service: DynamicObject) -> [JSONPatchOperation] {
        self.hijack(service, selector: JSONValue(self.original.selector), ports: self.original.ports)
    }

    /// The patch that hijacks again what somebody else put back, in whole or in part; nil where what stands there is neither
    /// the original's nor the hijack's, for then somebody wanted something else.
    func reassert(_ service: DynamicObject) -> [JSONPatchOperation]? {
        guard let selector = service[path: "spec", "selector"], let ports = service[path: "spec", "ports"],
            Self.selectedIncarnation(of: service).map({ $0 == self.incarnation }) ?? true
        else { return nil }
        let foreign = self.foreignPart(of: selector) ?? selector.strings
        guard foreign == self.original.selector || foreign == self.hijackedSelector, self.mergesToOriginal(ports)
        else { return nil }
        return self.hijack(service, selector: selector, ports: ports)
    }

    /// Whether each port is as it was or as the hijack wrote it, and none is missing.
    private func mergesToOriginal(_ ports: JSONValue) -> Bool {
        (self.mergedPorts(ports) ?? ports) == self.original.ports
    }

    private func hijack(
        _ service: DynamicObject,
        selector: JSONValue,
        ports: JSONValue
    ) -> [JSONPatchOperation] {
        var operations: [JSONPatchOperation] = [
            .test("/metadata/uid", .string(service.uid)),
            .test("/spec/selector", selector),
            .test("/spec/ports", ports),
        ]
        operations += Self.annotationsIfMissing(service)
        operations += [
            .add(Self.annotationPath, .string(self.annotation)),
            .replace("/spec/ports", self.hijackedPorts),
            .replace("/spec/selector", JSONValue(self.hijackedSelector)),
        ]
        return operations
    }

    /// What makes room for our annotation on a Service that has none.
    private static func annotationsIfMissing(_ service: DynamicObject) -> [JSONPatchOperation] {
        guard service[path: "metadata", "annotations"] == nil else { return [] }
        // An `add` would replace annotations that somebody made meanwhile.
        return [
            .test("/metadata/resourceVersion", .string(service.resourceVersion)),
            .add("/metadata/annotations", .object([:])),
        ]
    }

    /// The patch that says, in the annotation, that the hijack is meant to stay: a restore of what stood there before then
    /// fails by its version. Fails itself (422) where the Service is not hijacked any more.
    public func confirm(_ service: DynamicObject) -> [JSONPatchOperation] {
        var annotation = (try? JSONValue(parsing: self.annotation)) ?? [:]
        annotation["confirmed"] = .string(service.resourceVersion)
        let tests: [JSONPatchOperation] = [
            .test("/metadata/uid", .string(service.uid)),
            .test("/spec/selector", JSONValue(self.hijackedSelector)),
        ]
        return tests + Self.annotationsIfMissing(service) + [.add(Self.annotationPath, .string(annotation.compact))]
    }

    /// The patch that puts back whatever is still the hijack's; empty when nothing is.
    public func restore(_ service: DynamicObject) -> [JSONPatchOperation] {
        // The ports of two hijacks look the same: another one's must not be taken for this one's.
        if let selected = Self.selectedIncarnation(of: service), selected != self.incarnation { return [] }
        var operations: [JSONPatchOperation] = []
        var tests: [JSONPatchOperation] = [.test("/metadata/uid", .string(service.uid))]
        if self.isHijacked(service) {
            operations += [
                .test("/spec/selector", JSONValue(self.hijackedSelector)),
                .replace("/spec/selector", JSONValue(self.original.selector)),
            ]
        } else if let selector = service[path: "spec", "selector"], let foreign = self.foreignPart(of: selector) {
            operations += [.test("/spec/selector", selector), .replace("/spec/selector", JSONValue(foreign))]
        } else if let selector = service[path: "spec", "selector"] {
            // What was swapped again meanwhile must go back as a whole or not at all.
            tests.append(.test("/spec/selector", selector))
        }
        if let ports = service[path: "spec", "ports"], let merged = self.mergedPorts(ports) {
            operations += [.test("/spec/ports", ports), .replace("/spec/ports", merged)]
        }
        if Self.incarnation(of: service) == self.incarnation {
            let annotations = service[path: "metadata", "annotations"]?.object ?? [:]
            operations +=
                annotations.count == 1
                ? [.test("/metadata/annotations", .object(annotations)), .remove("/metadata/annotations")]
                : [.remove(Self.annotationPath)]
        }
        guard !operations.isEmpty else { return [] }
        return tests + operations
    }

    /// What others wrote into a selector that still has our mark in it; nil where it has not.
    ///
    /// Server-side apply merges selectors key by key: whoever puts theirs back that way leaves our keys beside it, and the
    /// two together select no Pod at all.
    private func foreignPart(of selector: JSONValue) -> [String: String]? {
        let current = selector.strings
        let ours = self.hijackedSelector
        guard current != ours, ours.contains(where: { $0.key == Marks.sessionLabel && current[$0.key] == $0.value })
        else { return nil }
        let foreign = current.filter { ours[$0.key] != $0.value }
        return foreign.isEmpty ? self.original.selector : foreign
    }

    /// The current ports with every `targetPort` that the hijack wrote put back; nil when there is none.
    private func mergedPorts(_ current: JSONValue) -> JSONValue? {
        guard current != self.hijackedPorts else {
            return current == self.original.ports ? nil : self.original.ports
        }
        let originals = self.original.ports.array ?? []
        let written = self.hijackedPorts.array ?? []
        var changed = false
        let merged = (current.array ?? []).map { port -> JSONValue in
            guard
                let index = originals.firstIndex(where: { Self.key($0) == Self.key(port) }),
                port["targetPort"] == written[index]["targetPort"],
                port["targetPort"] != originals[index]["targetPort"]
            else { return port }
            changed = true
            var restored = port
            restored["targetPort"] = originals[index]["targetPort"]
            return restored
        }
        return changed ? .array(merged) : nil
    }

    /// What tells one port of a Service from another: number and protocol.
    private static func key(_ port: JSONValue) -> [JSONValue?] {
        [port["port"], port["protocol"] ?? "TCP"]
    }

    /// The ports with each `targetPort` replaced by the interceptor's listener for it.
    private static func redirect(_ ports: JSONValue) -> JSONValue {
        .array(
            (ports.array ?? []).enumerated().map { index, port in
                var redirected = port
                redirected["targetPort"] = .integer(Int64(InterceptedPort.listener(at: index)))
                return redirected
            }
        )
    }
}

// MARK: - The annotation: the original, recoverable from the Service alone

extension ServiceSwap {
    private static var annotationPath: String {
        "/metadata/annotations/\(JSONPatchOperation.escape(Marks.originalAnnotation))"
    }

    /// What the annotation says: which store holds the Session, and all that a restore needs.
    private var annotation: String {
        let value: JSONValue = [
            "session": .string(self.incarnation),
            "store": .string(self.kind.rawValue),
            "selector": JSONValue(self.original.selector),
            "ports": self.original.ports,
        ]
        return value.compact
    }

    /// The swap that a hijacked Service's own annotation describes, or nil.
    public init?(annotationOf service: DynamicObject) {
        guard
            let text = service.annotations[Marks.originalAnnotation],
            let json = try? JSONValue(parsing: text),
            let incarnation = json["session"]?.string,
            let selector = json["selector"],
            let ports = json["ports"]
        else { return nil }
        self.init(
            incarnation: incarnation,
            original: OriginalService(selector: selector.strings, ports: ports),
            kind: json["store"]?.string.flatMap(SessionKind.init(rawValue:)) ?? .resource
        )
    }

    /// The swap of a hijacked Service as its decoy tells it, or nil: Session and annotation may both be gone.
    ///
    /// - Parameter decoy: has the original's selector and target ports; all else of the ports is the Service's own.
    public init?(decoy: DynamicObject, of service: DynamicObject) {
        guard let incarnation = Self.selectedIncarnation(of: service),
            decoy[path: "metadata", "labels"]?.strings[Marks.sessionLabel] == incarnation,
            let selector = decoy[path: "spec", "selector"]?.strings, !selector.isEmpty
        else { return nil }
        let originals = decoy[path: "spec", "ports"]?.array ?? []
        let ports = (service[path: "spec", "ports"]?.array ?? []).map { port -> JSONValue in
            guard let original = originals.first(where: { Self.key($0) == Self.key(port) }) else { return port }
            var restored = port
            restored["targetPort"] = original["targetPort"]
            return restored
        }
        self.init(incarnation: incarnation, original: OriginalService(selector: selector, ports: .array(ports)))
    }

    /// The incarnation a Service's annotation names, or nil.
    public static func incarnation(of service: DynamicObject) -> String? {
        ServiceSwap(annotationOf: service)?.incarnation
    }

    /// The incarnation that a Service's selector points to, by whatever hijack, or nil.
    public static func selectedIncarnation(of service: DynamicObject) -> String? {
        let selector = service[path: "spec", "selector"]?.strings ?? [:]
        return selector[Marks.appLabel] == Marks.appValue ? selector[Marks.sessionLabel] : nil
    }
}
