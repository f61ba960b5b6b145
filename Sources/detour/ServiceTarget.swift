import ArgumentParser

/// The TARGET of a command, as far as it names a Service.
enum ServiceTarget {
    /// The Service's name in `NAME`, `service/NAME` or `service NAME`.
    ///
    /// - Throws: `ValidationError` that says what is no Service.
    static func name(in target: [String]) throws -> String {
        var words = target
        if words.count == 2, ["service", "svc"].contains(words[0]) { words.removeFirst() }
        guard words.count == 1 else {
            throw ValidationError("one target, as in: intercept leaf, or intercept service/leaf")
        }
        let parts = words[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts.first ?? "") {
        case (1, _) where !parts[0].isEmpty: return parts[0]
        case (2, "service"), (2, "svc"), (2, "services"):
            guard !parts[1].isEmpty else { throw ValidationError("'\(words[0])' names no Service") }
            return parts[1]
        case (2, _):
            throw ValidationError("'\(words[0])': only Services can be intercepted so far; name the Service itself")
        default: throw ValidationError("'\(words[0])' is no target; give a Service's name")
        }
    }
}
