import HTTP2Wire
import ProxyCore

@testable import HTTP2Relay

/// An end that sends bodies and keeps to what it is told of room: RFC 9113 sections 5.2, 6.5.3 and 6.9.2.
struct BodySender {
    let peer: Peer
    /// What a new stream may send, the streams' windows, and the connection's.
    private(set) var initial = Bounds.streamWindow
    private(set) var windows: [UInt32: Int] = [:]
    private var connection = Bounds.connectionWindow

    init(_ peer: Peer) {
        self.peer = peer
    }

    mutating func open(_ stream: UInt32) {
        self.windows[stream] = self.initial
    }

    /// Hears what has come for it; changes of SETTINGS are acknowledged.
    mutating func listen(_ rig: inout Rig) {
        while true {
            let frames = rig.take(self.peer, [.settings, .windowUpdate])
            if frames.isEmpty { return }
            for frame in frames { self.hear(frame, &rig) }
        }
    }

    private mutating func hear(_ frame: Seen, _ rig: inout Rig) {
        guard frame.type == .settings else {
            if frame.stream == 0 {
                self.connection += frame.number
            } else {
                self.windows[frame.stream]? += frame.number
            }
            return
        }
        guard !frame.flags.contains(.acknowledgement) else {
            return
        }
        for setting in frame.payload.withUnsafeBytes({ Setting.list($0) }) ?? []
        where setting.name == .initialWindowSize {
            for stream in self.windows.keys { self.windows[stream]? += Int(setting.value) - self.initial }
            self.initial = Int(setting.value)
        }
        rig.send(self.peer, ScriptedEnd.frame(.settings, .acknowledgement))
    }

    /// Sends as much of `bytes` as it may, and says how much that was.
    mutating func send(_ rig: inout Rig, _ stream: UInt32, _ bytes: ArraySlice<UInt8>, end: Bool = false) -> Int {
        self.listen(&rig)
        let count = min(bytes.count, self.windows[stream] ?? 0, self.connection)
        guard count > 0 else {
            return 0
        }
        self.windows[stream]? -= count
        self.connection -= count
        rig.data(self.peer, stream, Array(bytes.prefix(count)), end: end && count == bytes.count)
        self.listen(&rig)
        return count
    }

    mutating func send(_ rig: inout Rig, _ stream: UInt32, count: Int) -> Int {
        let bytes = [UInt8](repeating: UInt8(stream & 255), count: count)
        return self.send(&rig, stream, bytes[...])
    }
}
