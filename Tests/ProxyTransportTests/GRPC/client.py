"""A gRPC client that says what it saw: `client.py PORT MODE`, MODE being `plain`, `diverted`, `beside`, `mixed` or `once`.

`plain` and `diverted` print a transcript of everything a gRPC call can do, without what time decides. `beside` does both at
the same time on one connection, and prints the plain one first. `mixed` makes many calls of both kinds at the same time on
one connection, and prints how many were answered by whom. `once` makes one diverted call.
"""

import hashlib
import os
import sys
import threading
from concurrent import futures

import grpc

PORT, MODE = int(sys.argv[1]), sys.argv[2]
ROUTED = [("x-user", "alice")]


def channel():
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.keepalive_time_ms", 1_000),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    if "PEER_TLS" in os.environ:
        with open(os.environ["PEER_TLS"] + "/ca.crt", "rb") as authority:
            credentials = grpc.ssl_channel_credentials(authority.read())
        return grpc.secure_channel(f"localhost:{PORT}", credentials, options=options)
    return grpc.insecure_channel(f"127.0.0.1:{PORT}", options=options)


def digest(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def metadata(pairs):
    return sorted((key, value) for key, value in pairs if key.startswith("x-"))


def method(kind, channel, name):
    return getattr(channel, kind)(f"/test.Echo/{name}")


def outcome(call, name, *values):
    seen = metadata(call.initial_metadata()), metadata(call.trailing_metadata())
    return (name, *values, call.code(), call.details(), *seen)


def transcript(channel, routed):
    """One line after the other, as soon as it is known."""
    sent = routed + [("x-test", "text"), ("x-test-bin", bytes(range(255, -1, -1))), ("x-test", "again")]
    unary = method("unary_unary", channel, "unary")
    for body in (b"", b"hello", bytes(range(256)) * 1_000, b"\x5a" * (16 << 20)):
        response, call = unary.with_call(body, metadata=sent, timeout=30)
        yield outcome(call, "unary", response == body, digest(response))

    response, call = unary.with_call(b"large", metadata=sent + [("x-test-large", "v" * 7_000)], timeout=30)
    yield outcome(call, "large metadata", digest(response))

    for code in range(1, 17):
        call = method("unary_unary", channel, "fail").future(str(code).encode(), metadata=sent, timeout=30)
        call.exception()
        yield outcome(call, "fail")

    call = method("unary_unary", channel, "missing").future(b"", metadata=sent, timeout=30)
    call.exception()
    yield outcome(call, "missing")

    call = method("unary_stream", channel, "download")(b"1000", metadata=sent, timeout=30)
    yield outcome(call, "download", digest(b"".join(call)))

    call = method("stream_unary", channel, "upload").future(
        (bytes([index % 251]) * 10_000 for index in range(1_000)), metadata=sent, timeout=30
    )
    yield outcome(call, "upload", call.result())

    call = method("stream_stream", channel, "both")(
        (str(index).encode() * 100 for index in range(300)), metadata=sent, timeout=30
    )
    yield outcome(call, "both", digest(b"".join(call)))

    # One message at a time, each sent after the answer to the one before: neither direction may wait for the other.
    turn = threading.Semaphore(1)

    def turns():
        for index in range(50):
            turn.acquire()
            yield str(index).encode()

    call = method("stream_stream", channel, "both")(turns(), metadata=sent, timeout=30)
    answers = []
    for answer in call:
        answers.append(answer)
        turn.release()
    yield outcome(call, "turns", digest(b"".join(answers)))

    call = method("unary_unary", channel, "sleep").future(b"", metadata=sent, timeout=0.3)
    call.exception()
    yield "deadline", call.code()

    call = method("stream_stream", channel, "both")(endless(), metadata=sent)
    next(call)
    call.cancel()
    yield "cancel", call.code()

    call = method("unary_stream", channel, "download")(b"100000", metadata=sent, timeout=30)
    next(call)
    call.cancel()
    yield "cancel a download", call.code()

    response, call = unary.with_call(b"after all that", metadata=sent, timeout=30)
    yield outcome(call, "unary", response)


def endless():
    while True:
        yield b"x" * 1_000


def beside(channel):
    with futures.ThreadPoolExecutor(2) as pool:
        for lines in pool.map(lambda routed: list(transcript(channel, routed)), ([], ROUTED)):
            show(lines)


def show(lines):
    for line in lines:
        print(*line)


def mixed(channel):
    unary = method("unary_unary", channel, "unary")
    both = method("stream_stream", channel, "both")

    def one(index):
        routed = ROUTED if index % 2 else []
        body = str(index).encode() * (1 + index * 200)
        if index % 3:
            response, call = unary.with_call(body, metadata=routed, timeout=60)
        else:
            call = both(iter([body[::-1]] * 5), metadata=routed, timeout=60)
            responses = list(call)
            response = body if responses == [body] * 5 else None
        return (index % 2, dict(call.initial_metadata())["x-server"], response == body)

    with futures.ThreadPoolExecutor(32) as pool:
        results = list(pool.map(one, range(400)))
    for result in sorted(set(results)):
        print(*result, results.count(result))


with channel() as opened:
    if MODE == "mixed":
        mixed(opened)
    elif MODE == "beside":
        beside(opened)
    elif MODE == "once":
        call = method("unary_unary", opened, "unary").future(b"x", metadata=ROUTED, timeout=30)
        call.exception()
        show([outcome(call, "once")])
    else:
        show(transcript(opened, ROUTED if MODE == "diverted" else []))
