import TestSupport

extension Settings {
    /// The points that are tried, drawn by the seed: so many of all requests, and so many each where that takes longer or
    /// there would be too many.
    func sample(of all: [KillPoint]) -> [KillPoint] {
        var random = SplitMix64(seed: self.seed)
        let shuffled = all.shuffled(using: &random)
        let apart: [KillPoint.Context: Int] = [
            .syscalls: self.systemCalls, .apiserver: self.servers, .etcd: self.servers,
            .powercut: self.powerCuts,
        ]
        let together = shuffled.filter { apart[$0.context] == nil }.prefix(self.counts[.kills, default: 0])
        return KillPoint.Context.allCases.reduce(into: Array(together)) { sample, context in
            sample += shuffled.filter { $0.context == context }.prefix(apart[context] ?? 0)
        }
    }
}
