#!/usr/bin/env python3
"""Holds idle connections: hold.py PORT COUNT [ADDRESS...]

Opens COUNT connections to 127.0.0.1:PORT, from each ADDRESS in turn, sends one request on each, and reads its answer. Says `held` once
all have one, waits until its standard input ends, and then says how many connections the server had ended by itself.
"""

import socket
import sys

REQUEST = b"GET /small HTTP/1.1\r\nhost: soak\r\nuser-agent: hold\r\naccept: */*\r\n\r\n"


def answer(connection):
    """Reads one answer with a content-length, to its last byte."""
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit("hold: a connection ended before its answer")
        read += piece
    head, body = read.split(b"\r\n\r\n", 1)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"hold: answered {head[:60]!r}")
    fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:])
    left = int(fields[b"content-length"]) - len(body)
    while left > 0:
        piece = connection.recv(left)
        if not piece:
            raise SystemExit("hold: a connection ended in its answer")
        left -= len(piece)


def hold(port, count, addresses):
    held = []
    for number in range(count):
        source = (addresses[number % len(addresses)], 0)
        connection = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=source)
        connection.sendall(REQUEST)
        answer(connection)
        held.append(connection)
    print("held", flush=True)
    sys.stdin.read()
    ended = 0
    for connection in held:
        connection.setblocking(False)
        try:
            ended += connection.recv(1) == b""
        except BlockingIOError:
            pass
    print("ended", ended, flush=True)


if __name__ == "__main__":
    hold(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or ["127.0.0.1"])
