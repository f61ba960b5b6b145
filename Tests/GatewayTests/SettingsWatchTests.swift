#if os(Linux)
    import Foundation
    import Synchronization
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

        @Test("So is one that the settings name, from what they were read with; and one that was tried in vain")
        func named() throws {
            try self.with { folder, _ in
                let files = Mutex([folder + "/1/c": Data("old".utf8)])
                var watch = SettingsWatch(folder + "/f").naming { files.withLock { $0 } }
                let due = { watch.isDue(.look) }
                // There is none: one is being put into its place.
                #expect(!due() && !due())
                try Data("old".utf8).write(to: URL(filePath: folder + "/1/c"))
                #expect(!due() && !due())
                try Data("new".utf8).write(to: URL(filePath: folder + "/1/c"))
                #expect(!due() && due())
                // Whether it has come into force or not, once is enough.
                #expect(!due() && !due())
                try Data("old".utf8).write(to: URL(filePath: folder + "/1/c"))
                #expect(!due() && due() && !due())
                // Settings that name none leave it alone; with another, what that held counts.
                files.withLock { $0 = [:] }
                try Data("new".utf8).write(to: URL(filePath: folder + "/1/c"))
                #expect(!due() && !due())
                files.withLock { $0 = [folder + "/1/d": Data("d".utf8)] }
                try Data("e".utf8).write(to: URL(filePath: folder + "/1/d"))
                #expect(!due() && due() && !due())
            }
        }
    }
#endif
