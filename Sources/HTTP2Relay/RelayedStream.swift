import HTTP2Wire
import NIOCore
import ProxyCore

/// One of the ends a client's connection is made of.
public enum Peer: Hashable, Sendable {
    /// The client.
    case client
    /// The client's own connection to the original service.
    case original
    /// The connection into a tunnel, by number.
    case laptop(Int)
}

/// One direction of a stream: what has come and has not gone on.
struct Flow: Sendable {
    var queue = CircularBuffer<ByteBuffer>()
    var trailers: FieldList?
    /// Whether the sender has sent its last byte.
    var hasEnded = false
    /// Whether the receiver has been given it.
    var isDone = false
    /// Whether the stream is in one of its receiver's lists of those that have something to send.
    var isReady = false
    /// What the receiver takes beyond the initial window of its connection: what it has added, less what has been sent.
    var balance = 0
    /// What the sender may still send.
    var receiveWindow = Bounds.streamWindow
    /// How many bytes are in the queue.
    var queued = 0

    /// Whether there is something to send.
    var isPending: Bool {
        !self.isDone && (!self.queue.isEmpty || self.hasEnded)
    }
}

/// One request and its response.
struct RelayedStream: Sendable {
    /// The stream's number at the client, and at its server once it is open there.
    let id: UInt32
    var serverStream: UInt32?
    var server: Peer = .original
    /// The request's fields, for as long as they may have to be sent.
    var request: FieldList
    /// What these fields count for among those that are held.
    var keptFields = 0
    /// Whether the request was its fields alone. An end that comes as an empty frame of its own goes on as one: gRPC servers have
    /// been seen to wait for it for ever when it came with the fields.
    let endsWithFields: Bool
    var course: Course
    var up = Flow()
    var down = Flow()
    /// Whether the response's own fields, after any interim ones, have gone to the client.
    var hasResponse = false
    /// How the server ended the stream after its whole response.
    var resetAfter: ErrorCode?
    var isSynthetic = false
    /// Where the copy of the exchange is written, if one is made.
    var copy: StreamCopy?
    var isGRPC = false
    var route: String?
    var status = 0
    var bytesIn = 0
    var bytesOut = 0
    var flags: ResponseFlags = []

    init(id: UInt32, request: FieldList, endsStream: Bool, client: Link) {
        self.id = id
        self.request = request
        self.endsWithFields = endsStream
        self.course = Course(isReplayable: endsStream && request.isIdempotent)
        self.up.hasEnded = endsStream
        self.up.receiveWindow = client.initialReceiveWindow
        self.isGRPC = request.first("content-type")?.starts(with: "application/grpc".utf8) ?? false
    }

    var record: Record {
        Record(
            kind: .request,
            server: self.isSynthetic ? .detour : (self.server == .original ? .original : .laptop),
            status: self.status,
            bytesIn: self.bytesIn,
            bytesOut: self.bytesOut,
            fallback: self.course.fallback,
            raw: nil,
            matched: self.course.hasMatched,
            route: self.route,
            flags: self.flags,
            isWhole: self.up.isDone && self.down.isDone && !self.isSynthetic
        )
    }
}
