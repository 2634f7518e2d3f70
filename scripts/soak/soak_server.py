"""HTTP/1.1 servers for the soak. Usage: soak_server.py NAME=ADDRESS=PORT...; prints "ready".

Paths end with /KIND/NUMBER/TOKEN. An answer says which server it is from (X-Server), which path came (X-Path), the sha1 of the request's body (X-Body), and has a body of NUMBER bytes
that repeats TOKEN, so that whoever gets another one's answer knows.
  length    Content-Length            chunked   in chunks of changing size        close    ends with the connection
  last      and Connection: close     pieces    head and body in pieces           trickle  many small pieces, with pauses
  hints     103 before it             none      204, without a body               wait     NUMBER milliseconds before an answer of 64 bytes
  early     before the body is read   flaky     503 the first time that TOKEN comes, then as length
  die       half of it, then a reset  quit      no answer                         bye      as length, then closes without a word
  mute      as length; as all of them it heeds Connection: close, and it alone does not say so
  surplus   more bytes than Content-Length says, in the same send
An Upgrade is answered with 101, and everything behind it comes back.
Sockets have a timeout, so that the kernel is asked for bytes only when there are some: a recv() that blocks may end with EAGAIN where answers are redirected (README.md).
"""
import hashlib
import socket
import struct
import sys
import threading
import time

# seconds, longer than any client waits
PATIENCE = 3600
flaky = set()
lock = threading.Lock()


def text_of(token, size):
    piece = token.encode() + b"."
    return (piece * (size // len(piece) + 1))[:size]


class Gone(Exception):
    pass


class Connection:
    def __init__(self, link, name):
        self.link = link
        self.name = name
        self.held = b""

    def more(self):
        got = self.link.recv(1 << 16)
        if not got:
            raise Gone
        self.held += got

    def line(self):
        while b"\r\n" not in self.held:
            self.more()
        line, _, self.held = self.held.partition(b"\r\n")
        return line

    def take(self, size):
        while len(self.held) < size:
            self.more()
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def head(self):
        while b"\r\n\r\n" not in self.held:
            self.more()
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        first, *rest = head.split(b"\r\n")
        headers = {}
        for line in rest:
            name, _, value = line.partition(b":")
            headers[name.lower().decode("latin-1")] = value.strip().decode("latin-1")
        method, target = first.decode("latin-1").split(" ")[:2]
        return method, target, headers

    def body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            data = b""
            while True:
                size = int(self.line().split(b";")[0], 16)
                if size == 0:
                    while self.line():
                        pass
                    return data
                data += self.take(size)
                self.take(2)
        return self.take(int(headers.get("content-length", "0")))

    def one(self):
        """False: the connection is over."""
        method, target, headers = self.head()
        if "upgrade" in headers:
            return self.tunnel(headers["upgrade"])
        kind, number, token = target.split("?")[0].split("/")[-3:]
        size = int(number)
        head = f"HTTP/1.1 200 OK\r\nX-Server: {self.name}\r\nX-Path: {target}\r\n".encode()
        body = text_of(token, 64 if kind == "wait" else size)
        if kind == "early":
            self.link.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self.body(headers)
            return True
        head += b"X-Body: %s\r\n" % hashlib.sha1(self.body(headers)).hexdigest().encode()
        closing = headers.get("connection", "").lower() == "close"
        if closing and kind not in ("last", "mute"):
            head += b"Connection: close\r\n"
        goes_on = self.answer(kind, size, token, head, b"" if method == "HEAD" else body, len(body))
        return goes_on and not closing

    def tunnel(self, protocol):
        self.link.sendall(f"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\nX-Server: {self.name}\r\n\r\n".encode())
        while True:
            if not self.held:
                self.more()
            self.link.sendall(self.held)
            self.held = b""

    def answer(self, kind, size, token, head, body, length):
        send = self.link.sendall
        sized = head + b"Content-Length: %d\r\n" % length
        if kind == "chunked":
            send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            at, step = 0, 1
            while at < len(body):
                piece = body[at:at + step]
                send(b"%x\r\n%s\r\n" % (len(piece), piece))
                at, step = at + step, min(step * 3 + 1, 40000)
            if body or size == 0:
                send(b"0\r\n\r\n")
        elif kind == "close":
            send(head + b"\r\n" + body)
            return False
        elif kind == "last":
            send(sized + b"Connection: close\r\n\r\n" + body)
            return False
        elif kind == "pieces":
            whole = sized + b"\r\n" + body
            for piece in (whole[:30], whole[30:len(sized) + 1], whole[len(sized) + 1:]):
                send(piece)
                time.sleep(0.003)
        elif kind == "trickle":
            send(sized + b"\r\n")
            for at in range(0, len(body), 97):
                send(body[at:at + 97])
                time.sleep(0.001)
        elif kind == "hints":
            send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + sized + b"\r\n" + body)
        elif kind == "none":
            send(head.replace(b"200 OK", b"204 No Content") + b"\r\n")
        elif kind == "wait":
            time.sleep(size / 1000)
            send(sized + b"\r\n" + body)
        elif kind == "flaky" and self.first(token):
            send(head.replace(b"200 OK", b"503 Unwilling") + b"Content-Length: 0\r\n\r\n")
        elif kind == "die":
            send(sized + b"\r\n" + body[:len(body) // 2])
            time.sleep(0.005)
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif kind == "quit":
            return False
        elif kind == "surplus":
            send(sized + b"\r\n" + body + b"HTTP/1.1 200 OK\r\nX-Server: evil\r\nContent-Length: 4\r\n\r\nevil")
        else:
            send(sized + b"\r\n" + body)
        return kind != "bye"

    def first(self, token):
        with lock:
            if token in flaky:
                flaky.discard(token)
                return False
            flaky.add(token)
            return True

    def serve(self):
        try:
            while self.one():
                pass
        except (OSError, Gone):
            pass
        finally:
            self.link.close()


def listen(name, address, port):
    door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((address, port))
    door.listen(1024)
    while True:
        link, _ = door.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.settimeout(PATIENCE)
        threading.Thread(target=Connection(link, name).serve, daemon=True).start()


for one in sys.argv[1:]:
    name, address, port = one.split("=")
    threading.Thread(target=listen, args=(name, address, int(port)), daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
threading.Event().wait()
