import HTTPWire

/// One request and its response.
struct Exchange: Sendable {
    /// How far the request's bytes have gone.
    enum RequestStage: UInt8 {
        /// The route is being chosen.
        case routing
        /// The tunnel has not acknowledged yet.
        case waiting
        /// Its server is known; its head has not been sent.
        case head
        /// A part of its body is still to come.
        case body
        /// All of it has been sent, or dropped.
        case done
    }

    /// How far the response has come.
    enum ResponseStage: UInt8 {
        case head
        case body
        case done
    }

    let head: RequestHead
    var server: Side = .original
    var requestStage: RequestStage = .routing
    var requestBody: BodyFramer
    var responseStage: ResponseStage = .head
    var responseBody: BodyFramer = .none
    /// Whether the client has got a byte of an answer.
    var hasBegun = false
    var matched = false
    var fallback: Fallback?
    /// Whether it was sent to the original once more, because the first connection to it ended without a word.
    var isRepeated = false
    /// Whether the client's connection ends after this exchange because a diverted answer said so.
    var closesAfter = false
    var isSynthetic = false
    var status = 0
    var bytesIn = 0
    var bytesOut = 0
    var flags: ResponseFlags = []

    init(_ head: RequestHead) {
        self.head = head
        self.requestBody = head.framing
    }

    /// Whether the request may be asked of the original after the tunnel failed: no body, idempotent, no answer begun.
    var isReplayable: Bool {
        self.head.method.isIdempotent && self.head.framing.isComplete && !self.hasBegun
    }

    var isComplete: Bool {
        self.requestStage == .done && self.responseStage == .done
    }

    func record(route: String?) -> Record {
        Record(
            kind: .request,
            server: self.isSynthetic ? .detour : (self.server == .upstream ? .laptop : .original),
            status: self.status,
            bytesIn: self.bytesIn,
            bytesOut: self.bytesOut,
            fallback: self.fallback,
            raw: nil,
            matched: self.matched,
            route: route,
            flags: self.flags,
            isWhole: self.isComplete && !self.isSynthetic
        )
    }
}
