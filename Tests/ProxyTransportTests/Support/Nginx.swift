import Foundation
import NIOCore
import NIOPosix

@testable import PeerTestSupport

/// An nginx in the foreground, with TLS: on a Unix socket, since it takes no port 0, and on a port that leads there.
final class Nginx: @unchecked Sendable {
    // Sendable: used by the one test that owns this, from one thread at a time.
    private static let program = "/usr/sbin/nginx"

    /// Whether it, and who asks it, are there; where a skip is a failure, they are tried in any case.
    static var isAvailable: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true"
            || [program, "/usr/bin/curl", "/usr/bin/openssl"].allSatisfy {
                FileManager.default.isExecutableFile(atPath: $0)
            }
    }

    private let process = Process()
    private let socket: String

    init(_ stage: TLSStage, options: String, name: String) throws {
        let folder = stage.directory.path()
        self.socket = "\(folder)/\(name).sock"
        try stage.write(
            """
            daemon off; master_process off; pid \(folder)/\(name).pid; error_log /dev/null;
            events { worker_connections 64; }
            http {
              access_log off; client_body_temp_path \(folder)/\(name)-b; proxy_temp_path \(folder)/\(name)-p;
              fastcgi_temp_path \(folder)/\(name)-f; uwsgi_temp_path \(folder)/\(name)-u; scgi_temp_path \(folder)/\(name)-s;
              server {
                listen unix:\(self.socket) \(options);
                ssl_certificate \(folder)/tls.crt; ssl_certificate_key \(folder)/tls.key;
                location / { return 200 "\(name) $server_protocol $request_uri $http_x_user\\n"; }
              }
            }
            """,
            "\(name).conf"
        )
        self.process.executableURL = URL(filePath: Self.program)
        self.process.arguments = ["-p", folder, "-c", "\(folder)/\(name).conf"]
        self.process.standardError = FileHandle.nullDevice
        try self.process.run()
    }

    /// Waits for it, and gives it a port.
    func listen() async throws -> any Channel {
        while !FileManager.default.fileExists(atPath: self.socket), self.process.isRunning, !Task.isCancelled {
            await Task.yield()
        }
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [socket] near in
                ClientBootstrap(group: near.eventLoop)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture { try far.pipeline.syncOperations.addHandler(Glue(near)) }
                    }
                    .connect(unixDomainSocketPath: socket)
                    .flatMapThrowing { far in
                        try near.pipeline.syncOperations.addHandler(Glue(far))
                        near.setOption(.autoRead, value: true).whenComplete { _ in }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// Passes bytes and ends on.
    private final class Glue: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(_ other: any Channel) {
            self.other = other
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.other.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed = event as? ChannelEvent { self.other.close(mode: .output, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.other.close(promise: nil)
        }
    }

    /// By force: a process of one nginx never unblocks the signals it inherits blocked.
    func stop() {
        kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }
}
