import Intercept
import InterceptPlanning
import KubernetesModel
import TrafficMatch

extension TrafficReport {
    /// The report as an event: numbers, names of fields, and the sentences; the latest requests are not in it.
    func json(event: String) -> JSONValue {
        var counts = self.sightings
        counts.recent = []
        counts.instance = 0
        var json = counts.json
        json["misses"] = .array(
            zip(self.match.conditions, counts.misses).map { condition, miss in
                [
                    "condition": .string("\(condition)"), "absent": .integer(Int64(miss.absent)),
                    "other": .integer(Int64(miss.other)),
                ]
            }
        )
        json["event"] = .string(event)
        json["service"] = .string(self.service)
        json["message"] = .string(self.message)
        if let mend { json["mend"] = .string(mend) }
        if let olderConnections { json["older-connections"] = .integer(Int64(olderConnections)) }
        return json
    }
}
