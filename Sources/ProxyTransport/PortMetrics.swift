import ProxyCore
import Telemetry
import Tunnel

/// The counters of one Service port.
final class PortMetrics: Sendable {
    let port: Int
    let opened = Counter()
    let active = Counter()
    let originalFailures = Counter()
    let resets = Side.allCases.map { _ in Counter() }
    let bytesIn = Record.Server.allCases.map { _ in Counter() }
    let bytesOut = Record.Server.allCases.map { _ in Counter() }
    let raw = RawReason.allCases.map { _ in Counter() }
    let acknowledgement = Histogram()
    /// Exchanges a laptop has got a copy of.
    let mirrored = Counter()
    private let mirrorMisses = MirrorMiss.allCases.map { _ in Counter() }
    /// One counter for each server and reason; the first of each server is for "no reason".
    private let requests = (0..<Record.Server.allCases.count * (Fallback.allCases.count + 1)).map { _ in Counter() }

    init(port: Int) {
        self.port = port
    }

    func requests(_ server: Record.Server, _ reason: Fallback?) -> Counter {
        let column = reason.map { Int($0.rawValue) + 1 } ?? 0
        return self.requests[Int(server.rawValue) * (Fallback.allCases.count + 1) + column]
    }

    /// Exchanges that a mirror matched and that were not copied.
    func missed(_ reason: MirrorMiss) -> Counter {
        self.mirrorMisses[reason.index]
    }

    /// Counts what a log line says.
    func note(_ record: Record) {
        self.bytesIn[Int(record.server.rawValue)].add(record.bytesIn)
        self.bytesOut[Int(record.server.rawValue)].add(record.bytesOut)
        if let raw = record.raw {
            self.raw[Int(raw.rawValue)].add()
        } else {
            self.requests(record.server, record.fallback).add()
        }
    }
}

extension MirrorMiss {
    /// Its place among all reasons.
    var index: Int { Int(self.rawValue) - 1 }
}
