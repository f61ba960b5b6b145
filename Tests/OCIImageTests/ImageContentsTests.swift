import Foundation
import Testing

@testable import OCIImage

@Suite("What goes into an image")
struct ImageContentsTests {
    @Test("is the program, its loader, its libraries to any depth, two accounts and the certificates; nothing else")
    func dynamicProgram() throws {
        let bench = try Workbench()
        let libc = SyntheticELF().bytes
        try bench.write("system/libc.so.6", libc)
        try bench.write("system/libdeep.so", SyntheticELF(needed: ["libc.so.6"]).bytes)
        try bench.write("runtime/libcore.so", SyntheticELF(needed: ["libdeep.so", "libc.so.6", "ld.so.1"]).bytes)
        let loader = try bench.write("loader/ld.so.1", libc)
        let program = try bench.write(
            "bin/program",
            SyntheticELF(interpreter: loader, needed: ["libcore.so", "libc.so.6"], runPath: "$ORIGIN/../runtime").bytes
        )
        let certificates = try bench.write("certificates.pem", Array("pem".utf8))

        let contents = try ImageContents(
            program: program,
            entryPoint: "/usr/local/bin/detour",
            certificates: certificates,
            systemDirectories: ["/nowhere", "\(bench.path)/system"]
        )
        let files = contents.entries.filter { $0.source != .directory }.map(\.path)
        #expect(
            Set(files) == [
                "/usr/local/bin/detour", loader, "\(bench.path)/system/libc.so.6", "\(bench.path)/system/libcore.so",
                "\(bench.path)/system/libdeep.so", "/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt",
            ]
        )
        #expect(contents.platform.description == "linux/amd64")
    }

    @Test("skips a library that is for another machine, as the loader does")
    func otherMachine() throws {
        let bench = try Workbench()
        try bench.write("first/libc.so.6", SyntheticELF(machine: 183).bytes)
        let right = try bench.write("second/libc.so.6", SyntheticELF(machine: 62).bytes)
        let program = try bench.write("program", SyntheticELF(needed: ["libc.so.6"]).bytes)
        let shared = try SharedLibraries(
            of: program,
            systemDirectories: ["\(bench.path)/first", "\(bench.path)/second"]
        )
        #expect(shared.libraries.map(\.file) == [right])
    }

    @Test("cannot be collected when a library is nowhere: the error names it and who needs it")
    func missingLibrary() throws {
        let bench = try Workbench()
        let program = try bench.write("program", SyntheticELF(needed: ["libgone.so.1"]).bytes)
        let error = #expect(throws: ImageError.self) { try ImageContents(program: program) }
        #expect(error?.code == .libraryNotFound)
        #expect(error?.message.contains("libgone.so.1, needed by \(program)") == true)
    }

    @Test("cannot be collected from something that is not there, a folder, a script or an unknown machine")
    func notAProgram() throws {
        let bench = try Workbench()
        let script = try bench.write("script", Array("#!/bin/sh\nexit 0\n".utf8))
        let foreign = try bench.write("foreign", SyntheticELF(machine: 8).bytes)
        for (path, code) in [
            ("\(bench.path)/absent", ImageError.Code.file), (bench.path, .file), (script, .notAnELFProgram),
            (foreign, .notAnELFProgram),
        ] {
            let error = #expect(throws: ImageError.self) { try ImageContents(program: path) }
            #expect(error?.code == code)
            #expect(error?.message.contains(path) == true)
        }
    }

    @Test(
        "has the libraries that the machine's own loader reports",
        arguments: ["/bin/ls", "/usr/bin/env", "/usr/bin/tar"]
    )
    func sameAsTheLoader(program: String) throws {
        let reported = try run("ldd", program).split(separator: "\n").compactMap { line -> String? in
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count >= 3 && words[1] == "=>" ? String(words[0]) : nil
        }
        try #require(!reported.isEmpty)
        let shared = try SharedLibraries(of: program, systemDirectories: SharedLibraries.systemDirectories())
        #expect(Set(shared.libraries.map(\.name)) == Set(reported))
    }

    @Test("follows the loader's configuration through include lines, patterns, comments and the old type suffix")
    func loaderConfiguration() throws {
        let bench = try Workbench()
        try bench.write("conf.d/b.conf", Array("/from/b # why\n\n# nothing\n".utf8))
        try bench.write("conf.d/a.conf", Array("/from/a=libc6\nrelative\n".utf8))
        try bench.write("conf.d/a.txt", Array("/wrong\n".utf8))
        let file = try bench.write("ld.so.conf", Array("include conf.d/*.conf\n/last\ninclude ld.so.conf\n".utf8))
        let found = LoaderConfiguration.directories(in: file)
        #expect(Array(found.prefix(3)) == ["/from/a", "/from/b", "/last"])
        #expect(LoaderConfiguration.directories(in: "\(bench.path)/absent").isEmpty)
    }
}
