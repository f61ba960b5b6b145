import NIOCore
import TestSupport
import Testing

@testable import Tunnel

/// Two sessions joined by wires that cut their bytes anywhere, against a model that only knows what was written.
@Suite("Two yamux sessions against a model")
struct YamuxPropertyTests {
    /// What an end did and saw on one stream.
    private struct Half {
        var sent = 0
        var received = 0
        var isRight = true
        var taken = 0
        var finished = false
        var sawFinish = false
        var resets = 0
        var sawResets = 0
        var ends = 0
    }

    private static let period = 200_003

    private static let noise: [UInt8] = {
        var generator = SplitMix64(seed: 1)
        let period = (0..<Self.period).map { _ in UInt8.random(in: 0...255, using: &generator) }
        // Twice, so that a slice from anywhere in the first is whole.
        return period + period
    }()

    /// The bytes that belong at `position` of what `end` sends on `stream`.
    private static func content(_ end: Int, _ stream: UInt32, _ position: Int, _ count: Int) -> ArraySlice<UInt8> {
        let start = (Int(stream) * 7_919 + end * 50_021 + position) % Self.period
        return Self.noise[start..<start + count]
    }

    private struct End {
        var session: YamuxSession
        var wire = ByteBuffer()
        var streams: [UInt32: Half] = [:]

        mutating func write(_ header: YamuxHeader?) {
            header?.write(into: &self.wire)
        }
    }

    private struct Run {
        var ends: [End]
        var generator: SplitMix64

        init(_ seed: UInt64) {
            var limits = YamuxLimits()
            limits.backlog = 8
            self.generator = SplitMix64(seed: seed)
            self.ends = [YamuxSession.Role.client, .server].map { End(session: YamuxSession(role: $0, limits: limits)) }
        }

        mutating func step() throws {
            let at = Int.random(in: 0...1, using: &self.generator)
            let stream = self.ends[at].streams.keys.sorted().randomElement(using: &self.generator)
            switch Int.random(in: 0..<100, using: &self.generator) {
            case 0..<1:
                guard let header = try? self.ends[at].session.open() else { return }
                self.ends[at].streams[header.stream] = Half()
                self.ends[at].write(header)
            case 1..<50:
                guard let stream else { return }
                self.send(at, stream)
            case 50..<51:
                guard let stream, let header = self.ends[at].session.finish(stream) else { return }
                self.ends[at].streams[stream]?.finished = true
                self.ends[at].write(header)
            case 51 where Int.random(in: 0..<4, using: &self.generator) == 0:
                guard let stream, let header = self.ends[at].session.reset(stream) else { return }
                self.ends[at].streams[stream]?.resets += 1
                self.ends[at].streams[stream]?.ends += 1
                self.ends[at].write(header)
            case 51..<60:
                guard let stream else { return }
                self.ends[at].write(self.ends[at].session.accept(stream))
            case 60..<75:
                guard let stream, let half = self.ends[at].streams[stream] else { return }
                let count = Int.random(in: 0...1, using: &self.generator) * (half.received - half.taken)
                self.ends[at].streams[stream]?.taken += count
                self.ends[at].write(self.ends[at].session.consumed(stream, count))
            case 75:
                self.ends[at].write(self.ends[at].session.ping(UInt32(at)))
            default:
                try self.deliver(from: at, most: Int.random(in: 1...400_000, using: &self.generator))
            }
        }

        mutating func send(_ at: Int, _ stream: UInt32) {
            let available = Int.random(in: 1...150_000, using: &self.generator)
            guard let header = self.ends[at].session.send(stream, available: available) else { return }
            self.ends[at].write(header)
            let count = Int(header.length)
            let position = self.ends[at].streams[stream]?.sent ?? 0
            self.ends[at].wire.writeBytes(YamuxPropertyTests.content(at, stream, position, count))
            self.ends[at].streams[stream]?.sent += count
        }

        mutating func deliver(from at: Int, most: Int) throws {
            let count = min(most, self.ends[at].wire.readableBytes)
            guard var piece = self.ends[at].wire.readSlice(length: count) else { return }
            let to = 1 - at
            while let event = try self.ends[to].session.receive(&piece) { self.note(event, to) }
            #expect(piece.readableBytes == 0)
        }

        mutating func note(_ event: YamuxEvent, _ at: Int) {
            switch event {
            case .opened(let stream):
                #expect(self.ends[at].streams.updateValue(Half(), forKey: stream) == nil)
            case .data(let stream, let bytes):
                #expect(self.ends[at].streams[stream]?.sawFinish == false)
                #expect(self.ends[at].streams[stream]?.ends == 0 || self.ends[at].streams[stream]?.finished == true)
                self.check(bytes, at, stream)
            case .finished(let stream):
                #expect(self.ends[at].streams[stream]?.sawFinish == false)
                self.ends[at].streams[stream]?.sawFinish = true
            case .reset(let stream):
                self.ends[at].streams[stream]?.sawResets += 1
                self.ends[at].streams[stream]?.ends += 1
            case .reply(let header):
                self.ends[at].write(header)
            case .acknowledged, .credited, .pong, .refusesStreams:
                break
            }
        }

        mutating func check(_ bytes: ByteBuffer, _ at: Int, _ stream: UInt32) {
            guard var half = self.ends[at].streams[stream] else { return }
            let expected = YamuxPropertyTests.content(1 - at, stream, half.received, bytes.readableBytes)
            half.isRight = half.isRight && bytes == ByteBuffer(bytes: expected)
            half.received += bytes.readableBytes
            self.ends[at].streams[stream] = half
        }

        var windowsAreSound: Bool {
            self.ends.allSatisfy { end in
                end.session.streams.values.allSatisfy { stream in
                    stream.sendWindow >= 0 && stream.receiveWindow >= 0
                        && stream.receiveWindow + stream.unreturned <= end.session.limits.window
                }
            }
        }

        mutating func drain() throws {
            while self.ends.contains(where: { $0.wire.readableBytes > 0 }) {
                for at in 0...1 { try self.deliver(from: at, most: .max) }
            }
        }
    }

    @Test("No byte is lost, doubled or out of place, and each stream ends once", arguments: 0..<40 as Range<UInt64>)
    func model(_ seed: UInt64) throws {
        var run = Run(seed)
        for _ in 0..<1_500 {
            try run.step()
            #expect(run.windowsAreSound, "seed \(seed)")
        }
        try run.drain()
        for at in 0...1 {
            for (number, half) in run.ends[at].streams {
                guard let peer = run.ends[1 - at].streams[number] else {
                    // Refused for lack of room.
                    #expect(half.ends == 1, "seed \(seed), stream \(number)")
                    continue
                }
                let wasReset = half.ends + peer.ends > 0
                if wasReset {
                    #expect(half.received <= peer.sent, "seed \(seed), stream \(number)")
                } else {
                    #expect(half.received == peer.sent, "seed \(seed), stream \(number)")
                    #expect(half.sawFinish == peer.finished, "seed \(seed), stream \(number)")
                }
                #expect(half.isRight, "seed \(seed), stream \(number)")
                #expect(half.ends <= 1, "seed \(seed), stream \(number)")
                let isOver = wasReset || (half.finished && half.sawFinish)
                #expect(run.ends[at].session.isLive(number) == !isOver, "seed \(seed), stream \(number)")
            }
        }
    }
}
