"""A gRPC server of raw messages: `server.py NAME [SOCKET]`.

Listens at PEER_ADDRESS, on a free port of 127.0.0.1 otherwise, and prints its port. With SOCKET it also is the far end of a
tunnel there: each connection begins with a PROXY v2 header, is answered with the byte 06 once the server has been reached,
and then belongs to gRPC.
"""

import os
import signal
import socket
import sys
import threading
from concurrent import futures

import grpc

NAME = sys.argv[1]
ADDRESS = os.environ.get("PEER_ADDRESS", "127.0.0.1:0")


def greet(context):
    sent = [(k, v) for k, v in context.invocation_metadata() if k.startswith("x-test")]
    context.send_initial_metadata([("x-server", NAME), ("x-echo-bin", bytes(range(256)))] + sent)
    context.set_trailing_metadata([("x-trailer", "end"), ("x-trailer-bin", b"\x00\xff\xfe")])


def unary(request, context):
    greet(context)
    return request


def fail(request, context):
    greet(context)
    code = next(code for code in grpc.StatusCode if code.value[0] == int(request))
    context.abort(code, f"code {int(request)} \u00e9%")


def sleep(request, context):
    greet(context)
    gone = threading.Event()
    context.add_callback(gone.set)
    gone.wait(30)
    return b""


def download(request, context):
    greet(context)
    for index in range(int(request)):
        yield bytes([index % 251]) * 10_000


def upload(requests, context):
    greet(context)
    count = total = 0
    for request in requests:
        count += 1
        total += len(request)
    return f"{count} {total}".encode()


def both(requests, context):
    greet(context)
    for request in requests:
        yield request[::-1]


HANDLERS = {
    "unary": grpc.unary_unary_rpc_method_handler(unary),
    "fail": grpc.unary_unary_rpc_method_handler(fail),
    "sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "download": grpc.unary_stream_rpc_method_handler(download),
    "upload": grpc.stream_unary_rpc_method_handler(upload),
    "both": grpc.stream_stream_rpc_method_handler(both),
}


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve_stream(stream, port):
    head = b""
    while len(head) < 16:
        head += stream.recv(16 - len(head))
    rest = int.from_bytes(head[14:16], "big")
    while rest:
        rest -= len(stream.recv(rest))
    local = socket.create_connection(("127.0.0.1", port))
    local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.sendall(b"\x06")
    threading.Thread(target=pump, args=(stream, local), daemon=True).start()
    pump(local, stream)


def serve_tunnel(path, port):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)

    def accept():
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=serve_stream, args=(stream, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=64),
    options=[
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
        # The client pings each second. A long upload on a busy machine would end its connection for that ("too_many_pings"),
        # and the rest of the transcript would come on another.
        ("grpc.http2.max_ping_strikes", 0),
    ],
)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", HANDLERS),))
if "PEER_TLS" in os.environ:
    with open(os.environ["PEER_TLS"] + "/tls.key", "rb") as key, open(os.environ["PEER_TLS"] + "/tls.crt", "rb") as chain:
        credentials = grpc.ssl_server_credentials([(key.read(), chain.read())])
    port = server.add_secure_port(ADDRESS, credentials)
else:
    port = server.add_insecure_port(ADDRESS)
server.start()
if len(sys.argv) > 2:
    serve_tunnel(sys.argv[2], port)
print(port, flush=True)
if "PEER_ADDRESS" in os.environ:
    # A container's first process ignores what it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pause()
# The test ends us by closing our standard input.
sys.stdin.read()
os._exit(0)
