import Testing

@testable import Intercept

@Suite("What a target names")
struct TargetReferenceTests {
    @Test(
        "Each way to name it",
        arguments: [
            (["leaf"], .service), (["service/leaf"], .service), (["services/leaf"], .service), (["svc/leaf"], .service),
            (["service", "leaf"], .service), (["svc", "leaf"], .service), (["deployment/leaf"], .deployment),
            (["deploy/leaf"], .deployment), (["deployment.apps/leaf"], .deployment),
            (["deployment", "leaf"], .deployment),
            (["statefulset/leaf"], .statefulSet), (["sts/leaf"], .statefulSet), (["StatefulSet/leaf"], .statefulSet),
        ] as [([String], TargetReference.Kind)]
    )
    func reading(words: [String], kind: TargetReference.Kind) throws {
        #expect(try TargetReference(parsing: words) == TargetReference(kind, "leaf"))
    }

    @Test(
        "Anything else is refused, quoting what was given",
        arguments: [
            (["port/80"], "'port/80': only Services"), (["pod/leaf-1"], "only Services"), (["a", "b"], "not 'a b'"),
            (["service", "a", "b"], "one target"), (["service/a/b"], "is no target"), ([""], "names no service"),
            (["service/"], "names no service"), (["sts/"], "names no statefulset"), (["service", "a/b"], "one target"),
            ([], "is no target"),
        ] as [([String], String)]
    )
    func refusing(words: [String], why: String) {
        let error = #expect(throws: InterceptError.self) { try TargetReference(parsing: words) }
        #expect(error?.code == .badArgument)
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "")")
    }
}
