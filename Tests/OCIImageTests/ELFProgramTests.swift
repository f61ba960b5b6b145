import TestSupport
import Testing

@testable import OCIImage

@Suite("Reading a program's loader headers")
struct ELFProgramTests {
    private static func read(_ bytes: [UInt8]) throws(ImageError) -> ELFProgram {
        try ELFProgram(path: "program") { (count, offset) throws(ImageError) in
            offset >= bytes.count ? [] : Array(bytes[offset..<min(offset + count, bytes.count)])
        }
    }

    @Test("finds the loader, the machine, the libraries and the search path")
    func headers() throws {
        let file = SyntheticELF(
            machine: 183,
            interpreter: "/lib/ld.so.1",
            needed: ["libb.so.2", "liba.so"],
            runPath: "/opt/x:$ORIGIN/../lib"
        )
        let program = try Self.read(file.bytes)
        #expect(program.interpreter == "/lib/ld.so.1")
        #expect(program.machine == 183)
        #expect(program.needed == ["libb.so.2", "liba.so"])
        #expect(program.searchPath == ["/opt/x", "$ORIGIN/../lib"])
    }

    @Test("finds nothing to load in a static program")
    func staticProgram() throws {
        let program = try Self.read(SyntheticELF().bytes)
        #expect(program.interpreter == nil)
        #expect(program.needed.isEmpty)
    }

    @Test("lets the newer search path win over the older, as the loader does")
    func runPathWins() throws {
        #expect(try Self.read(SyntheticELF(needed: ["x"], runPath: "/new", rPath: "/old").bytes).searchPath == ["/new"])
        #expect(try Self.read(SyntheticELF(needed: ["x"], rPath: "/old").bytes).searchPath == ["/old"])
    }

    @Test(
        "refuses what is no 64-bit little-endian Linux program",
        arguments: zip(
            [
                [], Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0x20, count: 64), elf(class: 1, order: 1),
                elf(class: 2, order: 2),
            ],
            ["not a Linux program", "not a Linux program", "64-bit", "64-bit"]
        )
    )
    func refused(bytes: [UInt8], reason: String) {
        let error = #expect(throws: ImageError.self) { try Self.read(bytes) }
        #expect(error?.code == .notAnELFProgram)
        #expect(error?.message.contains(reason) == true)
    }

    @Test("gives an error, never a trap, for a file cut off at any byte")
    func truncated() {
        let whole = SyntheticELF(interpreter: "/lib/ld.so.1", needed: ["libc.so.6"], runPath: "/x").bytes
        for length in 0..<whole.count {
            #expect(throws: ImageError.self, "cut off at \(length)") { try Self.read(Array(whole[..<length])) }
        }
    }

    @Test("survives damage anywhere", arguments: 0..<200)
    func damaged(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let whole = SyntheticELF(interpreter: "/lib/ld.so.1", needed: ["libc.so.6", "libm.so.6"], runPath: "/x").bytes
        for _ in 0..<50 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                bytes[Int.random(in: 4..<bytes.count, using: &random)] =
                    [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
            }
            do { _ = try Self.read(bytes) } catch { #expect(error.code == .notAnELFProgram) }
        }
    }
}

private func elf(class kind: UInt8, order: UInt8) -> [UInt8] {
    [0x7f, 0x45, 0x4c, 0x46, kind, order] + [UInt8](repeating: 0, count: 64)
}
