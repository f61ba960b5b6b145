import HTTPWire
import NIOCore
import ProxyCore
import SocketLoop
import Telemetry

/// What the connections of one listener on one event loop share.
///
/// Not Sendable: the listener reaches it through a box that is open on that loop only.
final class LoopState {
    let loop: any EventLoop
    /// Where copies for mirrors are sent from.
    let deliveryLoop: any EventLoop
    #if os(Linux)
        /// The same loop as `loop`, where connections are bare sockets.
        let sockets: SocketLoop?
    #endif
    let configuration: ListenerConfiguration
    let table: RouteTable
    let metrics: PortMetrics
    let log: AccessLog?
    let shared: ListenerState

    private(set) var connections: [Int: Connection] = [:]
    private var intercepts: [LoopRoute] = []
    private var copying: [RouteEntry] = []
    private var version = 0
    /// Connections that have ended and passed unread, by what was found.
    var unread: [RawReason: Int] = [:]
    private var lines: [UInt8] = []
    private var lineCount = 0
    private var isFlushScheduled = false
    private var timestamp = Timestamp()

    init(
        loop: any EventLoop,
        deliveryLoop: any EventLoop,
        configuration: ListenerConfiguration,
        table: RouteTable,
        metrics: PortMetrics,
        log: AccessLog?,
        shared: ListenerState
    ) {
        self.loop = loop
        self.deliveryLoop = deliveryLoop
        #if os(Linux)
            self.sockets = loop as? SocketLoop
        #endif
        self.configuration = configuration
        self.table = table
        self.metrics = metrics
        self.log = log
        self.shared = shared
    }

    /// A side of a connection that is still to be opened.
    func makeSide(_ side: Side, _ connection: Connection) -> SideHandler {
        #if os(Linux)
            if let sockets = self.sockets { return SocketSide(side, connection, sockets) }
        #endif
        return ChannelSide(side, connection)
    }

    /// Whether connections are asked to end, those that still come included.
    private(set) var announcesClose = false

    func announceClose() {
        self.announcesClose = true
        for connection in self.connections.values { connection.announceClose() }
    }

    func add(_ connection: Connection) {
        if self.announcesClose { connection.announceClose() }
        self.connections[connection.id] = connection
        for route in self.routes { route.connections += 1 }
        self.metrics.opened.add()
        self.metrics.active.add()
        self.shared.total.add()
    }

    func remove(_ connection: Connection) {
        guard self.connections.removeValue(forKey: connection.id) != nil else {
            return
        }
        self.metrics.active.add(-1)
        self.shared.total.add(-1)
    }

    /// The newest routes of this port that take something.
    @inline(__always)
    var routes: [LoopRoute] {
        self.renew()
        return self.intercepts
    }

    /// The newest mirrors of this port.
    @inline(__always)
    var mirrors: [RouteEntry] {
        self.renew()
        return self.copying
    }

    /// Whether streams of HTTP/2 are of interest to somebody.
    var readsHTTP2: Bool {
        !self.routes.isEmpty || !self.mirrors.isEmpty
    }

    @inline(__always)
    private func renew() {
        let version = self.table.currentVersion
        if version != self.version {
            self.version = version
            let entries = self.table.entries(port: self.configuration.servicePort)
            self.intercepts = entries.filter { !$0.route.isMirror }.map { entry in
                self.intercepts.first { $0.takes(entry) } ?? LoopRoute(entry)
            }
            self.copying = entries.filter(\.route.isMirror)
        }
    }

    /// Adds a line to the batch that goes to the log a little later.
    func log(_ record: Record, _ connection: ConnectionNote, _ request: RequestNote, microseconds: Int) {
        self.lines.appendLine(record, connection, request, microseconds: microseconds, &self.timestamp)
        self.lineCount += 1
        if self.lines.count >= 32 << 10 {
            self.flushLog()
        } else if !self.isFlushScheduled {
            self.isFlushScheduled = true
            self.loop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
                self.isFlushScheduled = false
                self.flushLog()
            }
        }
    }

    func flushLog() {
        guard self.lineCount > 0 else {
            return
        }
        self.log?.submit(self.lines, lines: self.lineCount)
        self.lines = []
        self.lines.reserveCapacity(40 << 10)
        self.lineCount = 0
    }
}

/// What all event loops of a listener share.
final class ListenerState: Sendable {
    let total = Counter()
    let busy = Counter()
    let nextID = Counter()
}
