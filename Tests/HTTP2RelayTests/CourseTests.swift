import HTTP2Relay
import ProxyCore
import Testing

@Suite("The course of a request")
struct CourseTests {
    @Test("is the original's when no route takes it, or when it is not plain")
    func original() {
        var course = Course(isReplayable: true)
        #expect(course.routed(.original, isPlain: true) == .askOriginal)
        #expect(!course.hasMatched)
        course = Course(isReplayable: true)
        #expect(course.routed(.divert(Rig.route()), isPlain: false) == .askOriginal)
        #expect(course.hasMatched)
        #expect(course.lost() == .nothing)
    }

    @Test(
        "never asks twice for what may not be asked twice",
        arguments: [false, true],
        [OnUnreachable.original, .unavailable]
    )
    func lost(isReplayable: Bool, onUnreachable: OnUnreachable) {
        var course = Course(isReplayable: isReplayable)
        let route = Rig.route(isUp: true, onUnreachable)
        #expect(course.routed(.divert(route), isPlain: true) == .awaitLaptop(route))
        #expect(course.accepted() == .askLaptop)
        #expect(course.accepted() == .nothing)
        var begun = course
        begun.began()
        #expect(begun.lost() == .cutShort)
        let expected: Course.Move =
            onUnreachable == .unavailable
            ? .answer(503, .tunnelReset) : isReplayable ? .askOriginal : .answer(502, .tunnelReset)
        #expect(course.lost() == expected)
        #expect(course.fallback == .tunnelReset)
        #expect(course.lost() == .nothing, "once is enough")
    }

    @Test("moves to a new connection once, and not with a body")
    func unprocessed() {
        let route = Rig.route()
        var course = Course(isReplayable: false)
        _ = course.routed(.divert(route), isPlain: true)
        _ = course.accepted()
        var withBody = course
        #expect(withBody.unprocessed(hasBody: true) == .refuse)
        #expect(course.unprocessed(hasBody: false) == .awaitLaptop(route))
        _ = course.accepted()
        #expect(course.unprocessed(hasBody: false) == .refuse)
    }

    @Test("waits for another connection when its own takes no more, once without any that has served")
    func superseded() {
        let route = Rig.route()
        var course = Course(isReplayable: false)
        #expect(course.superseded(hasServed: true) == .nothing)
        _ = course.routed(.divert(route), isPlain: true)
        for _ in 0..<3 { #expect(course.superseded(hasServed: true) == .awaitLaptop(route)) }
        #expect(course.superseded(hasServed: false) == .awaitLaptop(route))
        #expect(course.superseded(hasServed: true) == .awaitLaptop(route))
        var turnedAway = course
        #expect(turnedAway.superseded(hasServed: false) == .askOriginal)
        #expect(turnedAway.fallback == .tunnelReset)
        #expect(course.accepted() == .askLaptop)
        #expect(course.superseded(hasServed: true) == .nothing)
    }

    @Test("falls back with its reason before anything was sent")
    func refused() {
        var course = Course(isReplayable: false)
        _ = course.routed(.divert(Rig.route()), isPlain: true)
        var strict = Course(isReplayable: false)
        _ = strict.routed(.divert(Rig.route(isUp: true, .unavailable)), isPlain: true)
        #expect(course.refused(.ackTimeout) == .askOriginal)
        #expect(course.fallback == .ackTimeout)
        #expect(strict.refused(.ackTimeout) == .answer(503, .ackTimeout))
        #expect(course.refused(.ackTimeout) == .nothing)
    }
}
