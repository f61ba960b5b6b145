import TestSupport
import Testing

@testable import HTTP2Relay

@Suite("Streams by rank")
struct RankingTests {
    @Test("come largest first and of equals oldest first, whatever was changed and taken out", arguments: 0..<50)
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var ranking = Ranking()
        var model: [UInt32: Int] = [:]
        for _ in 0..<400 {
            let stream = UInt32.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0...2:
                let number = Int.random(in: -9...9, using: &random)
                ranking.set(stream, number)
                model[stream] = number
            case 3:
                ranking.remove(stream)
                model[stream] = nil
            default:
                let bound = Int.random(in: -9...9, using: &random)
                let first = Self.first(model)
                let expected = first.flatMap { $0.value > bound ? $0.key : nil }
                #expect(ranking.pop(above: bound) == expected)
                if let expected { model[expected] = nil }
            }
            #expect(ranking.count == model.count)
            #expect(ranking.contains(stream) == (model[stream] != nil))
            #expect(ranking.first?.stream == Self.first(model)?.key)
            #expect(ranking.first?.number == Self.first(model)?.value)
        }
    }

    private static func first(_ model: [UInt32: Int]) -> (key: UInt32, value: Int)? {
        model.min { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
    }
}
