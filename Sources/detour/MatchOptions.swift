import ArgumentParser
import TrafficMatch

/// Which requests: what `intercept` takes, and what `explain` asks about.
struct MatchOptions: ParsableArguments {
    @Option(
        name: [.customShort("x"), .customLong("header")],
        help: ArgumentHelp(
            "A header that a request must carry. Repeatable: all must match. (default: X-C6O-INTERCEPT:yes)",
            valueName: "NAME:VALUE"
        )
    )
    var headers: [String] = []

    @Option(help: ArgumentHelp("A header whose value begins so. Repeatable.", valueName: "NAME:PREFIX"))
    var headerPrefix: [String] = []

    @Option(help: ArgumentHelp("A header whose whole value matches so. Repeatable.", valueName: "NAME:REGEX"))
    var headerRegex: [String] = []

    @Option(help: ArgumentHelp("A header that is there, whatever its value. Repeatable.", valueName: "NAME"))
    var headerPresent: [String] = []

    @Option(help: ArgumentHelp("A cookie; NAME alone for any value. Repeatable.", valueName: "NAME=VALUE"))
    var cookie: [String] = []

    @Option(help: ArgumentHelp("A member of the baggage header. Repeatable.", valueName: "NAME=VALUE"))
    var baggage: [String] = []

    @Option(help: ArgumentHelp("A member of the tracestate header. Repeatable.", valueName: "NAME=VALUE"))
    var tracestate: [String] = []

    @Option(help: ArgumentHelp("A query parameter; NAME alone for any value. Repeatable.", valueName: "NAME=VALUE"))
    var query: [String] = []

    @Option(help: ArgumentHelp("The path is exactly this, without the query.", valueName: "PATH"))
    var path: String?

    @Option(help: ArgumentHelp("The path begins so.", valueName: "PATH"))
    var pathPrefix: String?

    @Option(help: ArgumentHelp("The whole path matches so.", valueName: "REGEX"))
    var pathRegex: String?

    @Option(help: ArgumentHelp("The method, such as GET.", valueName: "METHOD"))
    var method: String?

    @Option(help: ArgumentHelp("Of the requests that match, take only so many, at random.", valueName: "PERCENT"))
    var sample: Percentage = .all

    @Flag(
        help: """
            With conditions on path and method only: take everybody's requests, not only those with the default header.
            """
    )
    var noHeader = false

    @Flag(help: "Take every connection of the port, whoever opens it and whatever it speaks.")
    var all = false

    /// The header that is asked for when nothing else says whose requests are meant.
    static let defaultHeader = "X-C6O-INTERCEPT:yes"

    /// The match that the flags add up to.
    ///
    /// - Throws: `MatchError`, or `ValidationError` for flags that contradict each other.
    func match() throws -> RequestMatch {
        var conditions: [Condition] = []
        for text in self.headers { conditions.append(.header(try HeaderMatch(parsing: text))) }
        for text in self.headerPrefix {
            conditions.append(.header(try HeaderMatch(parsing: text) { .prefix($0) }))
        }
        for text in self.headerRegex {
            conditions.append(
                .header(try HeaderMatch(parsing: text) { (value) throws(MatchError) in .regex(try Pattern(value)) })
            )
        }
        for name in self.headerPresent { conditions.append(.header(try HeaderMatch(name: name, .present))) }
        for (list, texts) in [
            (MemberMatch.List.cookie, self.cookie), (.baggage, self.baggage), (.tracestate, self.tracestate),
            (.query, self.query),
        ] {
            for text in texts { conditions.append(.member(try MemberMatch(list, parsing: text))) }
        }
        let namesSender = !conditions.isEmpty
        if let path { conditions.append(.path(try PathMatch(.exact(path)))) }
        if let pathPrefix { conditions.append(.path(try PathMatch(.prefix(pathPrefix)))) }
        if let pathRegex { conditions.append(.path(try PathMatch(.regex(Pattern(pathRegex))))) }
        if let method { conditions.append(.method(try MethodMatch(method))) }

        if self.all {
            guard conditions.isEmpty else {
                throw ValidationError("--all takes every connection and looks at no request; leave out the conditions")
            }
            return .everything
        }
        if self.noHeader {
            guard !conditions.isEmpty else {
                throw ValidationError(
                    "--no-header needs another condition, such as --path-prefix /api; for all use --all"
                )
            }
        } else if !namesSender {
            conditions.append(.header(try HeaderMatch(parsing: Self.defaultHeader)))
        }
        return try RequestMatch(conditions)
    }
}
