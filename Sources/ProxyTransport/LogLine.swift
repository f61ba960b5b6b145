import HTTP2Wire
import HTTPWire
import ProxyCore
import Telemetry

/// What a log line says of the request besides the machine's record; filled when the head is seen, for it is gone afterwards.
struct RequestNote {
    /// The longest path in a log line.
    static let longestPath = 256

    var method: [UInt8] = []
    var path: [UInt8] = []
    var version: StaticString = "HTTP/1.1"

    /// Copies method and path; the query stays out, because it may hold secrets.
    mutating func take(_ head: RequestHead, _ view: ByteView) {
        self.method.removeAll(keepingCapacity: true)
        self.path.removeAll(keepingCapacity: true)
        self.method.append(contentsOf: view.bytes(head.methodRange))
        self.version = head.version == .http11 ? "HTTP/1.1" : "HTTP/1.0"
        self.takePath(view.bytes(head.target))
    }

    /// Copies method and path of an HTTP/2 request.
    mutating func take(_ fields: FieldList) {
        self.method = fields.first(":method") ?? []
        self.version = "HTTP/2"
        (fields.first(":path") ?? []).withUnsafeBytes { self.takePath($0) }
    }

    private mutating func takePath(_ target: UnsafeRawBufferPointer) {
        for byte in target.prefix(Self.longestPath) {
            if byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
            self.path.append(byte)
        }
    }
}

/// The numbers that name a connection in its log lines.
struct ConnectionNote {
    let id: Int
    let port: Int
}

extension [UInt8] {
    /// Appends one line of JSON.
    mutating func appendLine(
        _ record: Record,
        _ connection: ConnectionNote,
        _ request: RequestNote,
        microseconds: Int,
        _ timestamp: inout Timestamp
    ) {
        self.append("{\"time\":\"")
        timestamp.append(to: &self)
        self.append("\",\"connection\":")
        self.appendNumber(connection.id)
        self.append(",\"port\":")
        self.appendNumber(connection.port)
        if record.kind == .request {
            self.append(",\"method\":\"")
            self.appendEscaped(request.method)
            self.append("\",\"path\":\"")
            self.appendEscaped(request.path)
            self.append("\",\"protocol\":\"")
            self.append(request.version)
            self.append("\",\"status\":")
            self.appendNumber(record.status)
        } else {
            self.append(",\"protocol\":\"raw\"")
        }
        self.append(",\"bytes_in\":")
        self.appendNumber(record.bytesIn)
        self.append(",\"bytes_out\":")
        self.appendNumber(record.bytesOut)
        self.append(",\"duration_ms\":")
        self.appendMilliseconds(microseconds: microseconds)
        self.append(",\"served_by\":\"")
        self.append(record.server.token)
        self.append(UInt8(ascii: "\""))
        self.appendReasons(record)
        self.append("}\n")
    }

    private mutating func appendReasons(_ record: Record) {
        if let route = record.route {
            self.append(",\"route\":\"")
            self.appendEscaped(route)
            self.append(UInt8(ascii: "\""))
        }
        if let reason = record.fallback?.token ?? record.raw?.token {
            self.append(",\"reason\":\"")
            self.append(reason)
            self.append(UInt8(ascii: "\""))
        }
        if !record.flags.isEmpty {
            self.append(",\"flags\":\"")
            self.append(contentsOf: record.flags.letters.utf8)
            self.append(UInt8(ascii: "\""))
        }
    }
}
