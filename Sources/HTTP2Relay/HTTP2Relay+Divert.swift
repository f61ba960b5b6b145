import HTTP2Wire
import NIOCore
public import ProxyCore

/// Diverted streams: into the tunnel, and what happens when that does not work.
extension HTTP2Relay {
    /// The route for the request that the relay asked about.
    ///
    /// - Parameter isCopied: whether `Action.copy` is wanted of the exchange, which is then the original's.
    public mutating func routed(_ id: UInt32, _ decision: RouteDecision, isCopied: Bool = false) {
        guard self.routing == id else {
            return
        }
        self.routing = nil
        guard let request = self.streams[id]?.request else {
            return
        }
        if case .divert(let route) = decision {
            self.streams[id]?.route = route.id
        } else if isCopied {
            self.streams[id]?.copy = StreamCopy()
            self.copy(id, .up, fields: request, endsStream: self.streams[id]?.up.hasEnded == true)
        }
        let isPlain = if case .divert = decision { request.isPlainRequest } else { false }
        self.perform(self.streams[id]?.course.routed(decision, isPlain: isPlain), id)
    }

    /// The tunnel has taken the connection: the local process is greeted, and nothing else until it answers that.
    public mutating func laptopAccepted(_ number: Int) {
        guard self.laptops[number]?.stage == .connecting else {
            return
        }
        self.laptops[number]?.stage = .greeting
        self.laptops[number]?.link.greet(self.clientLimits)
    }

    /// The time for the tunnel's answer, or for the local process's, is over.
    public mutating func laptopIsLate(_ number: Int) {
        switch self.laptops[number]?.stage {
        case .connecting: self.laptopFailed(number, .ackTimeout)
        // Something accepted, and is silent to an HTTP/2 client.
        case .greeting: self.laptopFailed(number, .badResponse)
        case .open, .retired, nil: break
        }
    }

    /// The connection cannot be had, or is of no more use.
    public mutating func laptopFailed(_ number: Int, _ reason: Fallback) {
        guard let laptop = self.laptops.removeValue(forKey: number) else {
            return
        }
        self.actions.append(.disconnect(number))
        for id in laptop.waiting {
            if reason != .routeDown {
                self.streams[id]?.flags.insert(reason == .ackTimeout ? .upstreamTimeout : .upstreamFailure)
            }
            self.perform(self.streams[id]?.course.refused(reason), id)
        }
        for id in laptop.link.streams.values.sorted() { self.lose(id) }
    }

    /// The connection is lost to a request that was sent over it.
    private mutating func lose(_ id: UInt32) {
        self.streams[id]?.serverStream = nil
        guard let stream = self.streams[id], !stream.down.hasEnded else {
            // Its response is whole; of the request nobody reads the rest.
            self.streams[id]?.resetAfter = .noError
            return self.settle(id)
        }
        self.streams[id]?.flags.insert(.upstreamClosed)
        self.perform(self.streams[id]?.course.lost(), id)
    }

    mutating func perform(_ move: Course.Move?, _ id: UInt32) {
        switch move {
        case nil, .nothing: break
        case .askOriginal:
            if self.original.hasEnded || self.original.lastAccepted != nil || self.hasPassedClientEnd {
                self.refuse(id)
            } else {
                self.open(id, at: .original)
            }
        case .awaitLaptop(let route): self.await(id, route)
        // Only a connection that is ready asks for this, and opens the stream itself.
        case .askLaptop: break
        case .answer(let status, let reason): self.respond(id, Answer(status, reason))
        case .cutShort: self.cutShort(id)
        case .refuse: self.refuse(id)
        }
    }

    private mutating func await(_ id: UInt32, _ route: Route) {
        guard self.keepFields(id) else {
            return self.perform(self.streams[id]?.course.refused(.localRefused), id)
        }
        var number = self.laptops.first { $0.value.serves(route) }?.key
        if number == nil {
            if route.isBounded, self.laptops.values.count(where: { $0.route?.id == route.id }) >= Laptop.mostOfRoute {
                return self.perform(self.streams[id]?.course.refused(.localRefused), id)
            }
            number = self.nextLaptop
            self.laptops[self.nextLaptop] = Laptop(route: route)
            self.actions.append(.connect(self.nextLaptop, route))
            self.nextLaptop += 1
        }
        guard let number, self.laptops[number]?.waiting.count ?? 0 < Laptop.longestQueue else {
            return self.perform(self.streams[id]?.course.refused(.localRefused), id)
        }
        self.laptops[number]?.waiting.append(id)
        self.serveWaiting(number)
    }

    /// Nobody waits any more for a connection that was to be this request's own.
    mutating func leave(_ id: UInt32) {
        guard let number = self.laptops.first(where: { $0.value.isOnly(for: id) })?.key else {
            return
        }
        self.laptops[number] = nil
        self.actions.append(.disconnect(number))
    }

    /// Opens streams for the requests that wait, as many as the local process and the socket take.
    mutating func serveWaiting(_ number: Int) {
        while let laptop = self.laptops[number], laptop.stage == .open, laptop.link.takesData,
            laptop.link.streams.count < laptop.link.maximumStreams,
            let id = self.laptops[number]?.waiting.popFirst()
        {
            if self.streams[id]?.course.accepted() == .askLaptop { self.open(id, at: .laptop(number)) }
        }
        if let laptop = self.laptops[number], laptop.stage == .open, laptop.route?.isBounded == true,
            laptop.waiting.isEmpty
        {
            self.laptops[number]?.stage = .retired
            self.retire(number)
        }
    }

    /// Counts the fields that are held in case they have to be sent again; `false` when too much of them is held.
    private mutating func keepFields(_ id: UInt32) -> Bool {
        guard let stream = self.streams[id], stream.keptFields == 0 else {
            return true
        }
        guard self.keptFields + stream.request.size <= Bounds.keptFields else {
            return false
        }
        self.streams[id]?.keptFields = stream.request.size
        self.keptFields += stream.request.size
        return true
    }

    /// Lets go of a request's fields, which are not sent again.
    mutating func forgetFields(_ id: UInt32) {
        self.keptFields -= self.streams[id]?.keptFields ?? 0
        self.streams[id]?.keptFields = 0
        self.streams[id]?.request = FieldList()
    }

    /// Sends a request's fields to its server; its body follows as the windows allow.
    private mutating func open(_ id: UInt32, at peer: Peer) {
        let number = self[peer].nextStream
        guard number <= Bounds.largestStream, let index = self.streams.index(forKey: id) else {
            return self.refuse(id)
        }
        self[peer].nextStream += 2
        self[peer].streams[number] = id
        self.streams.values[index].server = peer
        self.streams.values[index].serverStream = number
        self.streams.values[index].up.balance = 0
        self.streams.values[index].up.isReady = false
        self.streams.values[index].down.receiveWindow = self[peer].initialReceiveWindow
        let endsStream = self.streams.values[index].endsWithFields
        self[peer].writeFields(stream: number, self.streams.values[index].request, endsStream: endsStream)
        self.streams.values[index].up.isDone = endsStream
        if peer == .original { self.forgetFields(id) }
        self.markReady(id, .up)
        self.grant(id, .up)
        self.grant(id, .down)
    }

    /// The first thing a local process says must be that it speaks HTTP/2; until then nothing of a request was sent.
    mutating func readLaptopGreeting(_ number: Int) -> Bool {
        guard let laptop = self.laptops[number], laptop.stage == .greeting, let header = laptop.link.nextHeader else {
            return false
        }
        guard header.beginsConnection else {
            self.laptopFailed(number, .badResponse)
            return true
        }
        guard case .frame(_, let payload)? = self.laptops[number]?.link.nextFrame() else {
            return false
        }
        guard let settings = Self.settings(payload) else {
            self.laptopFailed(number, .badResponse)
            return true
        }
        self.apply(settings, from: .laptop(number))
        self.laptops[number]?.link.writeSettingsAcknowledgement()
        self.laptops[number]?.stage = .open
        self.serveWaiting(number)
        return true
    }

    /// The local process takes no more streams: those it never looked at, those that wait, and the next ones get another
    /// connection.
    mutating func laptopGoesAway(_ number: Int, last: UInt32) {
        guard let laptop = self.laptops[number] else {
            return
        }
        self.laptops[number]?.stage = .retired
        self.laptops[number]?.waiting = []
        let hasServed = last > 0 && laptop.link.nextStream > 1
        for id in laptop.waiting { self.perform(self.streams[id]?.course.superseded(hasServed: hasServed), id) }
        for (stream, id) in laptop.link.streams.sorted(by: { $0.key < $1.key }) where stream > last {
            self.laptops[number]?.link.streams[stream] = nil
            self.laptops[number]?.link.forgetWindows(id)
            self.streams[id]?.serverStream = nil
            let hasBody = self.streams[id].map { $0.bytesIn > $0.up.queued } ?? true
            if self.streams[id]?.up.hasEnded == true, !hasBody { self.streams[id]?.up.isDone = false }
            self.perform(self.streams[id]?.course.unprocessed(hasBody: hasBody), id)
        }
        self.retire(number)
    }

    /// Lets go of a connection that takes no more streams and has none left.
    mutating func retire(_ number: Int) {
        if let laptop = self.laptops[number], laptop.stage == .retired, laptop.link.streams.isEmpty {
            self.laptops[number] = nil
            self.actions.append(.disconnect(number))
        }
    }
}
