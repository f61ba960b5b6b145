public import InterceptPlanning
import KubernetesModel

/// What a guardian is to put back should its command die: one route of one Session.
///
/// A route's ID is fresh for every join, so nothing of anybody else's, and nothing of the same person's next intercept, is
/// ever taken for it.
public struct GuardianOrder: Sendable, Hashable {
    /// The route's ID.
    public var routeID: String
    /// The Session with that route, as the command is about to write it.
    public var session: Session

    /// An order by its parts.
    public init(routeID: String, session: Session) {
        self.routeID = routeID
        self.session = session
    }

    /// Whose route it is, as `user@host`.
    var owner: String { self.session.routes.first { $0.id == self.routeID }?.owner ?? "somebody" }
}

/// What passes between a command and its guardian: lines of JSON, of which the newest counts.
public enum GuardianLine: Sendable, Hashable {
    /// This is to be put back once the command is dead.
    case order(GuardianOrder)
    /// Nothing is to be put back any more.
    case done

    /// The line, line feed included.
    public var bytes: [UInt8] {
        let json: JSONValue =
            switch self {
            case .order(let order): ["route": .string(order.routeID), "session": order.session.object.json]
            case .done: ["done": true]
            }
        return json.bytes + [0x0a]
    }

    /// Reads a line without its line feed; nil for what is none, as the half of one is.
    init?(_ bytes: some Sequence<UInt8>) {
        guard let json = try? JSONValue(parsing: bytes) else { return nil }
        if json["done"]?.bool == true {
            self = .done
        } else if let route = json["route"]?.string, let object = json["session"],
            let session = try? Session(DynamicObject(object))
        {
            self = .order(GuardianOrder(routeID: route, session: session))
        } else {
            return nil
        }
    }
}

/// What a guardian has been told so far, as a value: bytes go in, what holds comes out.
public struct GuardianBriefing: Sendable {
    /// What is to be put back when no more is said; nil for nothing.
    public private(set) var order: GuardianOrder?
    /// Whether nothing more has to be heard.
    public private(set) var isDone = false
    private var rest: [UInt8] = []

    /// A guardian that was told nothing yet.
    public init() {}

    /// Takes in what was said, in any pieces. What comes after the word that all is done counts no more.
    public mutating func take(_ bytes: some Sequence<UInt8>) {
        self.rest += bytes
        while !self.isDone, let end = self.rest.firstIndex(of: 0x0a) {
            switch GuardianLine(self.rest[..<end]) {
            case .order(let order): self.order = order
            case .done: (self.order, self.isDone) = (nil, true)
            case nil: break
            }
            self.rest.removeSubrange(...end)
        }
    }
}
