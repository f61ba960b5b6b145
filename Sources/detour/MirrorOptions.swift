import ArgumentParser
import KubernetesModel
import ResponseDiff

/// Copies in place of requests, and what their comparison passes over.
struct MirrorOptions: ParsableArguments {
    @Flag(
        help: """
            Copy matching requests to the local port and let the original answer; print how the answers differ. Exit \
            status 0 when something was compared and nothing differs. HTTP/1.1 only.
            """
    )
    var mirror = false

    @Option(help: ArgumentHelp("With --mirror: a header that is not compared. Repeatable.", valueName: "NAME"))
    var ignoreHeader: [String] = []

    @Option(
        help: ArgumentHelp(
            "With --mirror: a place in JSON that is not compared, as in /items/*/id. Repeatable.",
            valueName: "POINTER"
        )
    )
    var ignoreJson: [String] = []

    @Flag(help: "With --mirror: do not compare bodies.")
    var ignoreBody = false

    func validate() throws {
        if !self.mirror, !self.ignoreHeader.isEmpty || !self.ignoreJson.isEmpty || self.ignoreBody {
            throw ValidationError("--ignore-header, --ignore-json and --ignore-body go with --mirror")
        }
        for pointer in self.ignoreJson where JSONPointer(pointer) == nil {
            throw ValidationError(
                "--ignore-json takes a JSON pointer (RFC 6901), which begins with a slash, as in /items/*/id; "
                    + "'\(pointer)' is none"
            )
        }
    }

    /// What the comparison passes over; nil where nothing is mirrored.
    var rules: IgnoreRules? {
        guard self.mirror else { return nil }
        return IgnoreRules(
            headers: self.ignoreHeader,
            pointers: self.ignoreJson.compactMap(JSONPointer.init(_:)),
            body: self.ignoreBody
        )
    }
}
