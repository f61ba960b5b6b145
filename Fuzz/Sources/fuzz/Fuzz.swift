import CFuzzer
import FuzzTargets

/// `fuzz TARGET [WORD...]`: runs libFuzzer with these words on one target; without words, says which targets there are.
@main
enum Fuzz {
    static func main() {
        guard CommandLine.arguments.count > 1 else {
            for target in FuzzTarget.all { print(target.name) }
            return
        }
        guard FuzzTarget.all.contains(where: { $0.name == CommandLine.arguments[1] }) else {
            fatalError("there is no target \(CommandLine.arguments[1]); `fuzz` lists those there are")
        }
        // libFuzzer takes no context for its callback, and passes over its program's name: that is the target's.
        var count = CommandLine.argc - 1
        var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        _ = LLVMFuzzerRunDriver(&count, &words) { start, count in
            Self.feed(UnsafeRawBufferPointer(start: start, count: count))
            return 0
        }
    }

    private static let target = FuzzTarget.all.first { $0.name == CommandLine.arguments[1] }

    private static func feed(_ bytes: UnsafeRawBufferPointer) {
        do { try self.target?.run(bytes) } catch { fatalError("\(error)") }
    }
}
