#if os(Linux)
    import Foundation
    import Testing

    @testable import Gateway

    @Suite("When settings are read again")
    struct SettingsWatchTests {
        /// Gives `body` a folder, and what tells of each event whether the settings in there are to be read then.
        private func with(
            _ body: (_ folder: String, _ due: (SettingsWatch.Event...) -> [Bool]) throws -> Void
        ) throws {
            let folder = NSTemporaryDirectory() + "detour-watch-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder + "/1", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try Data("a".utf8).write(to: URL(filePath: folder + "/1/f"))
            // As a mounted ConfigMap has it.
            try FileManager.default.createSymbolicLink(atPath: folder + "/now", withDestinationPath: "1")
            try FileManager.default.createSymbolicLink(atPath: folder + "/f", withDestinationPath: "now/f")
            var watch = SettingsWatch(folder + "/f")
            try body(folder) { $0.map { watch.isDue($0) } }
        }

        @Test("A file that holds what it held is left alone, unless somebody asks")
        func same() throws {
            try self.with { folder, due in
                #expect(due(.look) == [false])
                try Data("a".utf8).write(to: URL(filePath: folder + "/1/f"))
                #expect(due(.look, .look, .asked, .asked, .look) == [false, false, true, true, false])
            }
        }

        @Test("One that changes is read once it has been the same twice")
        func changed() throws {
            try self.with { folder, due in
                for text in ["ab", "abc"] {
                    try Data(text.utf8).write(to: URL(filePath: folder + "/1/f"))
                    #expect(due(.look) == [false])
                }
                #expect(due(.look, .look) == [true, false])
                try Data("a".utf8).write(to: URL(filePath: folder + "/1/f"))
                #expect(due(.look, .look) == [false, true])
            }
        }

        @Test("One behind links is followed; one that is gone changes nothing")
        func links() throws {
            try self.with { folder, due in
                try FileManager.default.createDirectory(atPath: folder + "/2", withIntermediateDirectories: true)
                try Data("b".utf8).write(to: URL(filePath: folder + "/2/f"))
                try FileManager.default.removeItem(atPath: folder + "/now")
                #expect(due(.look, .look) == [false, false])
                try FileManager.default.createSymbolicLink(atPath: folder + "/now", withDestinationPath: "2")
                #expect(due(.look, .look) == [false, true])
            }
        }
    }
#endif
