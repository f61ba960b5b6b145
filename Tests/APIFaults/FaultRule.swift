import KubernetesTestSupport

/// Which requests a fault strikes, and how often.
///
/// As text: `VERB RESOURCE [#N] [xN] [P%]: FAULT`, for instance `patch services x1: cut-answer`, `* * 5%: delay 200` or
/// `watch endpoints #2: gone 1`.
public struct FaultRule: Hashable, Sendable {
    /// The verb of authorisation (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`); nil for every one.
    public var verb: String?
    /// The plural, with a subresource behind a slash, or a path that is no resource; nil for every one.
    public var resource: String?
    /// How many requests it lets pass before it strikes.
    public var skips = 0
    /// How often it strikes; nil without a limit.
    public var times: Int?
    /// Of a hundred requests that it could strike, how many it does.
    public var percent = 100
    /// What it does.
    public var fault: Fault

    /// A rule for every request.
    public init(_ fault: Fault) {
        self.fault = fault
    }

    /// A rule from its text; nil when it is none.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), let fault = Fault(text[text.index(after: colon)...]) else {
            return nil
        }
        self.init(fault)
        let words = text[..<colon].split(separator: " ")
        guard words.count >= 2 else { return nil }
        self.verb = words[0] == "*" ? nil : String(words[0])
        self.resource = words[1] == "*" ? nil : String(words[1])
        for word in words.dropFirst(2) {
            if word.hasPrefix("#"), let number = Int(word.dropFirst()), number > 0 {
                self.skips = number - 1
            } else if word.hasPrefix("x"), let number = Int(word.dropFirst()), number > 0 {
                self.times = number
            } else if word.hasSuffix("%"), let number = Int(word.dropLast()), (1...100).contains(number) {
                self.percent = number
            } else {
                return nil
            }
        }
    }

    func concerns(_ request: APIRequest) -> Bool {
        (self.verb == nil || self.verb == request.verb) && (self.resource == nil || self.resource == request.resource)
            && (!self.fault.isOfWatch || request.verb == "watch")
    }
}

/// A request to an API server, as rules see it.
public struct APIRequest: Hashable, Sendable, CustomStringConvertible {
    /// The verb of authorisation.
    public var verb: String
    /// The plural, with a subresource behind a slash; the path itself where that is no resource.
    public var resource: String
    /// The method and target as they came.
    public var line: String

    /// A request by its method and target.
    public init(method: String, target: String) {
        self.line = "\(method) \(target)"
        let parts = target.split(separator: "?", maxSplits: 1)
        let segments = (parts.first ?? "").split(separator: "/").map { String($0) }
        let address = RequestTarget(segments)
        self.resource = address?.resource ?? String(parts.first ?? "")
        let isWatch =
            parts.count > 1 && parts[1].split(separator: "&").contains { $0 == "watch=true" || $0 == "watch=1" }
        switch method {
        case "GET" where isWatch: self.verb = "watch"
        case "GET": self.verb = address?.name == nil ? "list" : "get"
        case "POST": self.verb = "create"
        case "PUT": self.verb = "update"
        default: self.verb = method.lowercased()
        }
    }

    /// The verb and the resource.
    public var description: String { "\(self.verb) \(self.resource)" }
}
