import KubernetesModel
import Testing

@Suite("Quantities of resources")
struct QuantityTests {
    @Test(
        "Every form of the API is read, in thousandths, rounded up",
        arguments: [
            ("0", 0), ("1", 1000), ("50m", 50), ("1.5", 1500), ("0.0001", 1), ("2.007", 2007), ("1n", 1),
            ("1.0001", 1001),
            ("100u", 1), ("64Ki", 65_536_000),
            ("64Mi", 67_108_864_000), ("1Gi", 1_073_741_824_000), ("1k", 1_000_000), ("2M", 2e9), ("1e3", 1_000_000),
            ("1E3", 1_000_000), ("2E", 2e21), ("1.", 1000), ("-1", -1000), ("+2", 2000),
        ] as [(String, Double)]
    )
    func read(text: String, thousandths: Double) throws {
        #expect(try #require(Quantity(parsing: text)).thousandths == thousandths)
    }

    @Test("What is no quantity is none", arguments: ["", "m", "Mi", "1 Gi", "1Xi", "0x10", "nan", "inf", "1,5", "1kk"])
    func malformed(text: String) {
        #expect(Quantity(parsing: text) == nil)
    }

    @Test("Numbers of YAML are read as they are meant")
    func numbers() {
        #expect(Quantity(.integer(2)) == Quantity(2))
        #expect(Quantity(.double(0.5)) == Quantity(parsing: "500m"))
        #expect(Quantity(.bool(true)) == nil)
        #expect(Quantity(nil) == nil)
    }

    @Test("Sums that binary fractions would spoil come out even")
    func sums() throws {
        let parts = try ["700m", "200m", "100m"].map { try #require(Quantity(parsing: $0)) }
        #expect(parts.reduce(Quantity(0), +) == Quantity(1))
        #expect(2 * parts[2] == Quantity(parsing: "0.2"))
        #expect(parts[2] < parts[1])
    }
}
