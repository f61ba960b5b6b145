import ArgumentParser
import Foundation
import Intercept

/// When an intercept ends by itself.
struct BoundOptions: ParsableArguments {
    @Flag(help: "End after one request was taken by this machine; the same as --max-requests 1.")
    var once = false

    @Option(
        help: ArgumentHelp(
            "End after this many requests were taken by this machine; no more than these reach it.",
            valueName: "N"
        )
    )
    var maxRequests: Int?

    @Option(
        help: ArgumentHelp(
            "End at a time of this machine's clock, as in 17:00 (tomorrow's when today's is past), or after 30m or 2h.",
            valueName: "TIME"
        )
    )
    var until: Until?

    func validate() throws {
        if self.once, self.maxRequests != nil {
            throw ValidationError("--once is --max-requests 1; say one of them")
        }
        if let maxRequests, maxRequests < 1 {
            throw ValidationError("--max-requests takes a number from 1, not \(maxRequests)")
        }
    }

    /// Sets the limits of an intercept that starts now.
    func apply(to options: inout InterceptOptions, now: Date = Date(), calendar: Calendar = .current) {
        options.requestLimit = self.once ? 1 : self.maxRequests
        options.timeLimit = self.until.map { .init($0.duration(from: now, calendar: calendar), reason: $0.reason) }
    }
}

/// A moment on the command line: `17:00`, or a time from now such as `30m`.
enum Until: ExpressibleByArgument, Hashable {
    case time(hour: Int, minute: Int)
    case after(Seconds)

    init?(argument: String) {
        if let seconds = Seconds(argument: argument) {
            // A bare number might be meant as an hour.
            guard argument.last?.isNumber == false else { return nil }
            self = .after(seconds)
            return
        }
        guard let match = argument.wholeMatch(of: #/([0-9]{1,2}):([0-9]{2})/#),
            let hour = Int(match.1), let minute = Int(match.2), hour < 24, minute < 60
        else { return nil }
        self = .time(hour: hour, minute: minute)
    }

    /// How long it is until then; today's time when that is still to come, else tomorrow's.
    func duration(from now: Date, calendar: Calendar) -> Duration {
        switch self {
        case .after(let seconds): return .seconds(seconds.value)
        case .time(let hour, let minute):
            let next = calendar.nextDate(
                after: now,
                matching: DateComponents(hour: hour, minute: minute, second: 0),
                matchingPolicy: .nextTime
            )
            return .seconds((next ?? now).timeIntervalSince(now))
        }
    }

    /// What is said when it has come.
    var reason: String {
        switch self {
        case .after(let seconds): "\(seconds) have passed"
        case .time(let hour, let minute): "it is \(hour):\(minute < 10 ? "0" : "")\(minute)"
        }
    }
}
