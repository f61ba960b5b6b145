import Intercept
import KubernetesModel
import ResponseDiff

/// What a mirror found, as text and as JSON.
enum MirrorOutput {
    /// The most differences of one answer that are shown.
    static let mostShown = 20

    /// A differing answer: the request, then one line a difference.
    static func text(_ answer: MirroredAnswer) -> String {
        let count = answer.differences.count
        let head = "\(answer.method) \(answer.target): \(count) difference\(count == 1 ? "" : "s")"
        let rest = count > Self.mostShown ? ["… and \(count - Self.mostShown) more"] : []
        return ([head] + (answer.differences.prefix(Self.mostShown).map(\.description) + rest).map { "    \($0)" })
            .joined(separator: "\n")
    }

    /// The last line.
    static func text(_ summary: MirrorSummary) -> String {
        let equal = summary.compared - summary.different
        let compared = "compared \(summary.compared): \(equal) equal, \(summary.different) different"
        let missed = summary.missed.sorted { $0.key < $1.key }.map { "\($0.value) \(Self.words($0.key))" }
        return missed.isEmpty ? compared : "\(compared); not compared: \(missed.joined(separator: ", "))"
    }

    static func json(_ answer: MirroredAnswer) -> JSONValue {
        [
            "event": "compared", "method": .string(answer.method), "target": .string(answer.target),
            "status": .integer(Int64(answer.status)), "equal": .bool(answer.differences.isEmpty),
            "differences": .array(answer.differences.map(\.json)),
        ]
    }

    static func json(_ summary: MirrorSummary) -> JSONValue {
        [
            "event": "summary", "compared": .integer(Int64(summary.compared)),
            "different": .integer(Int64(summary.different)),
            "notCompared": .object(summary.missed.mapValues { .integer(Int64($0)) }),
        ]
    }

    /// Why requests were not compared, after their number.
    static func words(_ reason: String) -> String {
        switch reason {
        case "too-long": "longer than 1 MiB"
        case "busy": "while too many copies were under way"
        case "unreachable": "while this machine did not take copies"
        case "cut-short": "cut short or not well-formed"
        case "upgrade": "that change the protocol"
        case "local-refused": "while nothing listened on the local port"
        default: reason
        }
    }
}
