"""HTTP/1.1 as clients use it: keep-alive, pipelining, chunked bodies, `Expect: 100-continue`.

Usage: connections.py ENDPOINT
"""

import re
import socket
import sys
from urllib.parse import urlsplit

from sigv4 import JSON, sign

endpoint = sys.argv[1]
address = (urlsplit(endpoint).hostname, urlsplit(endpoint).port)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connection:
    def __init__(self):
        self.socket = socket.create_connection(address, timeout=60)
        self.read = b""

    def send(self, data):
        self.socket.sendall(data)

    def until(self, mark):
        while mark not in self.read:
            data = self.socket.recv(65536)
            assert data, (mark, self.read)
            self.read += data
        found, self.read = self.read.split(mark, 1)
        return found

    def answer(self):
        head = self.until(b"\r\n\r\n").decode()
        length = int(re.search(r"(?i)content-length: (\d+)", head)[1])
        while len(self.read) < length:
            data = self.socket.recv(65536)
            assert data, (head, self.read)
            self.read += data
        body, self.read = self.read[:length], self.read[length:]
        return int(head.split()[1]), head, body

    def closed(self):
        try:
            return not self.socket.recv(1)
        except ConnectionResetError:
            return True


def request(body, **more):
    headers = {**sign(endpoint, "dynamodb", JSON, body), **more}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode()


def length(body):
    return {"content-length": str(len(body))}


body = b'{"Limit": 1}'

# One connection, one request after the other; then many before the first answer.
kept = Connection()
for _ in range(3):
    kept.send(request(body, **length(body)) + body)
    assert kept.answer()[0] == 200
kept.send(HEALTH * 5 + request(body, **length(body)) + body + HEALTH)
answers = [kept.answer() for _ in range(7)]
assert [status for status, _, _ in answers] == [200] * 7
assert b"TableNames" in answers[5][2] and b"ok" in answers[6][2], "answers come in the order of the requests"
# An error does not end the connection.
kept.send(request(b"x", **length(b"x")) + b"x" + HEALTH)
assert [kept.answer()[0] for _ in range(2)] == [400, 200]

# A chunked body is one body, however it is cut.
chunked = Connection()
chunked.send(request(body, **{"transfer-encoding": "chunked"}))
for byte in body:
    chunked.send(b"1;ext=1\r\n" + bytes([byte]) + b"\r\n")
chunked.send(b"0\r\n\r\n")
assert chunked.answer()[0] == 200

# Expect: told to go on for a body that may come, refused at once for one that may not.
waiting = Connection()
waiting.send(request(body, expect="100-continue", **length(body)))
assert waiting.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
waiting.send(body)
assert waiting.answer()[0] == 200
refused = Connection()
refused.send(request(b"", expect="100-continue", **{"content-length": str(100 << 20)}))
assert refused.answer()[0] == 413
assert refused.closed()

# HTTP/1.0 and Connection: close end the connection.
for head in (b"GET /health HTTP/1.0\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
    once = Connection()
    once.send(head)
    assert once.answer()[0] == 200 and once.closed()

# Not HTTP at all; two lengths; a head that goes on and on.
for nonsense in (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200_000,
):
    bad = Connection()
    try:
        bad.send(nonsense)
    except (BrokenPipeError, ConnectionResetError):
        continue
    assert bad.closed() or bad.until(b"\r\n").startswith(b"TTP/1.1 4"), bad.read
