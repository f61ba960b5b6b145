import KubernetesModel
import NIOCore
import NIOEmbedded
import Testing

@testable import KubernetesClient

@Suite("A command in a pod as a stream of bytes")
struct ExecHandlerTests {
    /// Keeps how the command ended.
    private final class End: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var status: CommandStatus?
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let status = event as? CommandStatus { self.status = status }
        }
    }

    private let channel = EmbeddedChannel()
    private let end = End()
    private let tail = Tail()

    init() throws {
        try self.channel.pipeline.syncOperations.addHandlers([
            ExecHandler(what: "pod p, container c"), self.end, self.tail,
        ])
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ channel: UInt8, _ text: String, isFinal: Bool = true) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: serverFrame([channel] + Array(text.utf8), isFinal: isFinal)))
    }

    @Test("Its output comes through, and then how it ended")
    func success() throws {
        for channel: UInt8 in 1...3 { try self.receive(channel, "") }
        try self.receive(1, "hello ")
        try self.receive(2, "a warning")
        try self.receive(1, "world")
        #expect(self.end.status == nil)
        try self.receive(3, #"{"metadata":{},"status":"Success"}"#)
        #expect(String(buffer: self.tail.received) == "hello world")
        #expect(self.end.status == CommandStatus(failure: nil))
        #expect(self.tail.errors.isEmpty)
    }

    @Test("A failure says what the command wrote to standard error, without what would steer a terminal")
    func failure() throws {
        try self.receive(2, "cat: no such\u{1b} file\n")
        try self.channel.writeInbound(
            ByteBuffer(bytes: serverFrame([3] + Array(#"{"status":"Failure","mess"#.utf8), isFinal: false))
        )
        try self.channel.writeInbound(
            ByteBuffer(bytes: serverFrame(Array(#"age":"exit code 1"}"#.utf8), opcode: 0x0))
        )
        #expect(self.end.status == CommandStatus(failure: "exit code 1: cat: no such file"))
    }

    @Test(
        "A message for no channel, and a status that is none, end it",
        arguments: [(0, "x"), (4, "x"), (3, "oops")] as [(UInt8, String)]
    )
    func violations(channel: UInt8, text: String) throws {
        try self.receive(channel, text)
        #expect(self.tail.errors.map(\.code) == [.protocolViolation])
        #expect(self.tail.errors.first?.message.hasPrefix("exec in pod p, container c: ") == true)
        #expect(self.tail.isInactive)
    }

    @Test("The request names each word of the command, and asks for no input")
    func request() {
        let request = KubernetesRequest.exec(["cat", "/a b"], pod: "web-0", container: "app", in: "shop")
        #expect(
            request.target
                == "/api/v1/namespaces/shop/pods/web-0/exec?command=cat&command=%2Fa%20b&container=app&stdout=true&stderr=true"
        )
    }
}
