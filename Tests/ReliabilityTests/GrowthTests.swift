import KubernetesModel
import Testing

@testable import reliability

@Suite("What grows, what does not, and what the table says of it")
struct GrowthTests {
    private func part(_ memory: Int64, _ descriptors: Int64, _ threads: Int64 = 4) -> JSONValue {
        ["memory_kib": .integer(memory), "descriptors": .integer(descriptors), "threads": .integer(threads)]
    }

    private func lines(_ scenario: Settings.Scenario, _ about: JSONValue, _ runs: [JSONValue]) throws -> [Bars.Line] {
        var document = Document(nil)
        var about = about
        about["commit"] = "c"
        let batch = Document.Batch(scenario: scenario, about: about, runs: runs, bystanders: [])
        try document.take(batch, appends: false)
        return Bars(document.json).lines
    }

    @Test("A process is as large as proc(5) says; one that has ended has no size")
    func footprint() {
        let status = "Name:\tdetour\nVmPeak:\t  900 kB\nVmRSS:\t    14336 kB\nThreads:\t3\n"
        #expect(
            Footprint(status: status, descriptors: 7) == Footprint(memory: 14_336, descriptors: 7, threads: 3)
        )
        #expect(Footprint(status: "Name:\tdetour\nState:\tZ (zombie)\nThreads:\t1\n", descriptors: 0) == nil)
        #expect(Footprint(of: 0) == nil)
    }

    @Test("Memory counts from the end of the first quarter, descriptors from before the first request")
    func day() {
        let samples = [(10, 20), (30, 99), (31, 98), (33, 97), (32, 21)].map { memory, descriptors -> JSONValue in
            ["at": "t", "interceptor": self.part(Int64(memory), Int64(descriptors)), "command": self.part(5, 5)]
        }
        let growth = Growth.ofDay(samples)
        #expect(growth[path: "interceptor", "memory_kib"] == [30, 32])
        #expect(growth[path: "interceptor", "descriptors"] == [20, 21])
        #expect(growth[path: "command", "threads"] == [4, 4])
        #expect(Growth.ofDay(Array(samples.prefix(3))) == [:])
    }

    @Test(
        "Each of the three can have grown, and what was not seen has",
        arguments: [
            ([50_000, 59_000], [10, 15], [4, 4], false), ([50_000, 59_200], [10, 10], [4, 4], true),
            ([50_000, 50_000], [10, 16], [4, 4], true), ([50_000, 50_000], [10, 10], [4, 5], true),
            ([50_000], [10, 10], [4, 4], true),
        ] as [([Int64], [Int64], [Int64], Bool)]
    )
    func grown(memory: [Int64], descriptors: [Int64], threads: [Int64], isGrown: Bool) throws {
        let part: JSONValue = [
            "memory_kib": .array(memory.map { .integer($0) }),
            "descriptors": .array(descriptors.map { .integer($0) }), "threads": .array(threads.map { .integer($0) }),
        ]
        #expect(Growth.isGrown(part) == isGrown)
        let about: JSONValue = [
            "minutes": 10, "growth": ["interceptor": part],
            "resident": ["requests": 5, "failed": 0, "altered": 0, "retried": 0],
        ]
        let line = try #require(try self.lines(.day, about, [[:]]).first { $0.what.contains("minutes: interceptor") })
        #expect(line.isMet == !isGrown)
    }

    @Test(
        "Of cycles, whatever there is more of afterwards has grown, what was not there before too; some sockets come and go"
    )
    func soak() throws {
        let before: JSONValue = [
            "cycles": 0, "processes": 1, "rules": 170, "sockets": 10, "memory_kib": ["kubelet": 1],
        ]
        let after: JSONValue = [
            "cycles": 500, "processes": 1, "rules": 171, "sockets": 40, "memory_kib": ["kubelet": 9],
        ]
        #expect(Growth.ofSoak([before, after]) == ["rules": [170, 171]])
        #expect(Growth.ofSoak([after, before]) == [:])
        let leaked = after.merging(["rules": 170, "sockets": 41, "session": 2])
        #expect(Growth.ofSoak([before, leaked]) == ["sockets": [10, 41], "session": [0, 2]])
        let memory = Growth.memoryOfSoak([before, leaked, after])
        #expect(memory == ["kubelet": [1, 9]])
        let shown = try self.lines(.soak, ["growth": [:], "memory_kib": memory], [[:]])
        #expect(shown.contains { $0.measured == "kubelet 1 → 9" && $0.isMet })
        let runs = [JSONValue](repeating: ["start_s": .double(2.5), "stop_s": .double(0.1)], count: 500)
        let met = try self.lines(.soak, ["growth": [:]], runs).filter {
            $0.what.contains("cycles:") || $0.what.contains("start and")
        }
        #expect(met.map(\.isMet) == [true, true])
        #expect(
            try self.lines(.soak, ["growth": ["rules": [170, 171]]], runs).contains {
                $0.measured.contains("rules [170,171]") && !$0.isMet
            }
        )
        #expect(
            try self.lines(.soak, ["growth": [:]], runs.dropLast()).contains {
                $0.measured == "0 of 499, none" && !$0.isMet
            }
        )
        let slow = try self.lines(.soak, ["growth": [:]], runs.map { $0.merging(["start_s": .double(3.5)]) })
        #expect(slow.contains { $0.measured == "median 3.5 s, 0.1 s" && !$0.isMet })
    }

    @Test("Objects are counted by kind, whatever their group")
    func kinds() {
        let names = "service/a\nserviceaccount/b\nrole.rbac.authorization.k8s.io/c.d\nservice/e\n"
        #expect(Growth.kinds(names) == ["service": 2, "serviceaccount": 1, "role": 1])
        #expect(Growth.kinds("").isEmpty)
    }

    @Test("A request of the developer who stays that somebody else answers is lost, as one that failed")
    func resident() throws {
        let report: JSONValue = [
            "ok": 10, "failed": 1, "wrong": 0, "retried": 0, "errors": ["x"],
            "answeredBy": ["leaf/bob": 8, "leaf/leaf-a": 2],
        ]
        let fate = Bystanders.result("theirs", rate: 1, report) { $0 == "leaf/bob" }
        #expect(fate["requests"] == 11 && fate["failed"] == 1 && fate["altered"] == 2 && fate["errors"] == ["x"])
        let line = try #require(
            try self.lines(.day, ["minutes": 1, "resident": fate], [[:], [:]]).first { $0.what.contains("stayed") }
        )
        #expect(!line.isMet && line.measured == "3 of 11, during 2 visits of another")
    }

    @Test("Orders are summed over plots and deviations; one with a fault is a problem")
    func orders() throws {
        let runs = OrdersScenario.runs(of: "0 1 1 0 a plot\n3 104000 200000 0 another, in words\nnonsense\n")
        #expect(runs.count == 2 && runs[1]["plot"] == "another, in words" && runs[1]["all"] == 200_000)
        let line = try #require(try self.lines(.orders, [:], runs).first { $0.what.hasPrefix("orders") })
        #expect(line.isMet && line.measured == "104,001 / 0")
        let faulty = OrdersScenario.runs(of: "3 104000 200000 2 another\n")
        let missed = try self.lines(.orders, [:], faulty).filter { !$0.isMet }
        #expect(missed.map(\.measured) == ["104,000 / 2", "0 of 0", "1 of 104000 orders"])
        #expect(
            try self.lines(.orders, [:], OrdersScenario.runs(of: "3 99999 99999 0 x")).contains {
                $0.what.hasPrefix("orders") && !$0.isMet
            }
        )
    }

    @Test("Of orders with a fault the first are told, and how many more there are")
    func faults() {
        let runs = OrdersScenario.runs(
            of: "1 9 9 3 a\nfault order [3: 1]: session left\nfault order [4: 1]: x\n2 9 9 1 a\nfault y\n0 1 1 0 b\n"
        )
        #expect(
            runs.map { $0["problems"] } == [
                ["order [3: 1]: session left", "order [4: 1]: x", "1 more orders with a fault"], ["y"], nil,
            ]
        )
        #expect(OrdersScenario.runs(of: "1 9 9 3 a\n")[0]["problems"] == ["3 orders with a fault"])
    }

    @Test("Whoever comes while one is in waits, and they go in one after the other")
    func oneAtATime() async {
        let door = OneAtATime()
        let most = await withTaskGroup(of: Int.self) { group in
            let inside = Inside()
            for _ in 0..<20 {
                group.addTask {
                    await door.run {
                        let now = await inside.enter()
                        await Task.yield()
                        await inside.leave()
                        return now
                    }
                }
            }
            return await group.reduce(0, max)
        }
        #expect(most == 1)
    }

    private actor Inside {
        private var count = 0
        func enter() -> Int {
            self.count += 1
            return self.count
        }
        func leave() { self.count -= 1 }
    }
}
