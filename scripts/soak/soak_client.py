"""Clients of all manners at once, for the soak. In: one line of JSON {"address", "port", "lane": "routed"|"direct", "prefix", "threads", "rate", "seconds", "seed", "tag", "ways"}. Out: lines of JSON:
{"event": "wrong"|"failed"|"stuck", "way", "detail", "before", "port"} as they happen, and in the end {"event": "end", "ways": {WAY: done}, "aborted", "honest"}.

Every answer is checked: which server it is from, which path came to it, what it got, each byte of the body, and that nothing follows. `failed`: an error where no server misbehaves;
`honest`: an error where one does (servers of the cluster frail). `rate`: turns a second, of all threads together; `ways`: only these, empty: all. After a stuck connection its thread rests, so that it can be looked at.
"""
import contextlib
import hashlib
import json
import random
import socket
import struct
import sys
import threading
import time

PATIENCE = 30
ERRORS = (502, 503, 504)
lock = threading.Lock()


def text_of(token, size):
    piece = token.encode() + b"."
    return (piece * (size // len(piece) + 1))[:size]


class Broken(Exception):
    pass


class Wrong(Exception):
    pass


class Failed(Exception):
    pass


class Link:
    def __init__(self, address, port):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self.held = b""
        self.ways = []
        self.asked = ""
        self.size = 1 << 16
        self.pause = 0
        self.socket.connect((address, port))
        self.port = self.socket.getsockname()[1]

    def more(self):
        if self.pause:
            time.sleep(self.pause)
        got = self.socket.recv(self.size)
        if not got:
            raise Broken("the connection ended")
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
        status = self.line()
        if not status.startswith(b"HTTP/1."):
            raise Wrong(f"no status line: {status[:80]!r}")
        headers = {}
        while True:
            line = self.line()
            if not line:
                return int(status.split(b" ")[1]), headers
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()

    def response(self, method="GET"):
        """(status, headers, body); interim responses are left out."""
        status, headers = self.head()
        while 100 <= status < 200 and status != 101:
            status, headers = self.head()
        if method == "HEAD" or status in (101, 204, 304):
            return status, headers, b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            data = []
            while True:
                size = int(self.line().split(b";")[0], 16)
                if size == 0:
                    while self.line():
                        pass
                    return status, headers, b"".join(data)
                data.append(self.take(size))
                if self.take(2) != b"\r\n":
                    raise Wrong("no line end behind a chunk")
        if "content-length" in headers:
            return status, headers, self.take(int(headers["content-length"]))
        try:
            while True:
                self.more()
        except Broken:
            return status, headers, self.take(len(self.held))

    def ended(self):
        """Nothing but the end may follow."""
        if self.held or self.socket.recv(100):
            raise Wrong("bytes behind the last response")

    def abort(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def head(method, path, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: soak.example", *lines, "", ""]).encode()


def chunks(data, dice):
    out, at = b"", 0
    while at < len(data):
        piece = data[at:at + dice.randrange(1, 5000)]
        out, at = out + b"%x\r\n%s\r\n" % (len(piece), piece), at + len(piece)
    return out + b"0\r\n\r\n"


class Client:
    def __init__(self, world, number):
        self.world = world
        self.dice = random.Random(world.seed * 1000 + number)
        self.number = number
        self.turn = 0

    def token(self):
        self.turn += 1
        return f"{self.world.tag}-{self.number}-{self.turn}"

    def servers(self, *clusters):
        return tuple(f"{self.world.prefix}-{cluster}" for cluster in clusters)

    def check(self, answer, token, size, path, clusters=("main",), body=b"", status=200):
        got, headers, data = answer
        if got in ERRORS and "x-server" not in headers and got != status:
            raise Failed(f"{got} {data[:90]!r} for {path}")
        if got != status:
            raise Wrong(f"{got} for {path}: {data[:60]!r}")
        if headers.get("x-server", "").rsplit("/", 1)[0] not in self.servers(*clusters):
            raise Wrong(f"answered by {headers.get('x-server')} for {path}")
        if headers.get("x-path") != path:
            raise Wrong(f"{headers.get('x-path')} reached the server for {path}")
        if body is not None and headers.get("x-body") != hashlib.sha1(body).hexdigest():
            raise Wrong(f"another body reached the server for {path}")
        if data != text_of(token, size):
            raise Wrong(f"{len(data)} bytes that begin with {data[:40]!r} for {path}")

    def get(self, link, kind, size, before="", lines=(), **expected):
        """One request and its answer. `before`: what stands before the path"""
        token = self.token()
        path = f"/{kind}/{size}/{token}"
        link.asked = before + path
        link.socket.sendall(head("GET", before + path, *lines))
        answer = link.response()
        self.check(answer, token, 64 if kind == "wait" else size, before + path, **expected)
        return answer[1]

    # ways; each returns whether the connection goes on

    def plain(self, link):
        self.get(link, "length", self.dice.choice([0, 1, 64, 700, 5000, 30000]))
        return True

    def chunked(self, link):
        self.get(link, "chunked", self.dice.choice([0, 1, 1000, 20000, 200000]))
        return True

    def shapes(self, link):
        kind = self.dice.choice(["pieces", "trickle", "hints", "wait"])
        self.get(link, kind, self.dice.randrange(1, 20) if kind == "wait" else self.dice.randrange(1, 3000))
        return True

    def none(self, link):
        token = self.token()
        link.socket.sendall(head("GET", f"/none/0/{token}"))
        self.check(link.response(), token, 0, f"/none/0/{token}", status=204)
        return True

    def headless(self, link):
        token = self.token()
        path = f"/{self.dice.choice(['length', 'chunked'])}/500/{token}"
        link.socket.sendall(head("HEAD", path))
        self.check(link.response("HEAD"), token, 0, path)
        return True

    def large(self, link):
        self.get(link, "length", self.dice.choice([300_000, 1_000_000, 5_000_000]))
        return True

    def slowly(self, link):
        link.size, link.pause = self.dice.choice([(2000, 0.001), (16384, 0.004), (65536, 0.02)])
        self.get(link, self.dice.choice(["length", "chunked"]), self.dice.choice([200_000, 1_200_000]))
        link.size, link.pause = 1 << 16, 0
        return True

    def until_close(self, link):
        """User space frames such an answer anew, and goes on."""
        headers = self.get(link, "close", self.dice.choice([0, 100, 50_000, 800_000]))
        if "transfer-encoding" in headers:
            return True
        link.ended()
        return False

    def last(self, link):
        # what the server says of its own connection says nothing of this one
        self.get(link, "last", 100)
        return True

    def closing(self, link):
        return self.told_to_close(link, "length")

    def mute(self, link):
        """In all shapes, also from a server that would close and not say so, were it asked to: the client has to be told all the same."""
        return self.told_to_close(link, self.dice.choice(["mute", "chunked", "pieces", "last"]), self.dice.choice(["", "", "/labelled"]))

    def told_to_close(self, link, kind, before=""):
        headers = self.get(link, kind, 900, before, lines=["Connection: close"])
        if before and headers.get("x-label") != "soak":
            raise Wrong("no label")
        if self.world.routed and headers.get("connection", "").lower() != "close":
            raise Wrong(f"the answer does not say that the connection ends: {headers}")
        link.ended()
        return False

    def old(self, link):
        link.socket.sendall(f"GET /length/300/{self.token()} HTTP/1.0\r\nHost: soak.example\r\n\r\n".encode())
        status, _, data = link.response()
        if (status, data) != (426, b"Upgrade Required"):
            raise Wrong(f"{status} {data[:40]!r} for HTTP/1.0")
        link.ended()
        return False

    def half(self, link):
        token = self.token()
        link.asked = token
        link.socket.sendall(head("GET", f"/length/2000/{token}"))
        link.socket.shutdown(socket.SHUT_WR)
        self.check(link.response(), token, 2000, f"/length/2000/{token}")
        return False

    def post(self, link):
        token = self.token()
        body = self.dice.randbytes(self.dice.choice([1, 1000, 16384, 45000]))
        link.socket.sendall(head("POST", f"/length/50/{token}", f"Content-Length: {len(body)}"))
        at = self.dice.randrange(0, len(body) + 1)
        link.socket.sendall(body[:at])
        if self.dice.random() < 0.3:
            time.sleep(0.002)
        link.socket.sendall(body[at:])
        self.check(link.response(), token, 50, f"/length/50/{token}", body=body)
        return True

    def upload(self, link):
        token = self.token()
        body = self.dice.randbytes(self.dice.choice([60_000, 300_000]))
        chunked = self.dice.random() < 0.5
        coded = chunks(body, self.dice) if chunked else body
        link.socket.sendall(head("PUT", f"/length/70/{token}", "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}") + coded)
        self.check(link.response(), token, 70, f"/length/70/{token}", body=body)
        return True

    def expecting(self, link):
        token = self.token()
        body = b"expected"
        link.socket.sendall(head("POST", f"/length/20/{token}", "Expect: 100-continue", f"Content-Length: {len(body)}"))
        status, _ = link.head()
        if status != 100:
            raise Wrong(f"{status} for 100-continue")
        link.socket.sendall(body)
        self.check(link.response(), token, 20, f"/length/20/{token}", body=body)
        return True

    def early(self, link):
        token = self.token()
        link.socket.sendall(head("POST", f"/early/30/{token}", "Content-Length: 20000") + b"e" * 10_000)
        time.sleep(self.dice.choice([0, 0.002]))
        link.socket.sendall(b"e" * 10_000)
        self.check(link.response(), token, 30, f"/early/30/{token}", body=None)
        # an answer in the midst of a request may be the last one
        return False

    def pipelined(self, link):
        asked = []
        data = b""
        for _ in range(self.dice.randrange(2, 6)):
            token = self.token()
            kind, size = self.dice.choice([("length", 10), ("chunked", 3000), ("length", 40000), ("deny", 0)])
            path = f"/{kind}/{size}/{token}"
            asked.append((token, kind, size, path))
            data += head("GET", path)
        at = self.dice.randrange(0, len(data)) if self.dice.random() < 0.5 else 0
        link.socket.sendall(data[:at])
        link.socket.sendall(data[at:])
        for index, (token, kind, size, path) in enumerate(asked):
            link.asked = f"{index} of {[path for _, _, _, path in asked]}, the first {at} bytes first"
            answer = link.response()
            if kind == "deny" and self.world.routed:
                self.denied(answer)
            else:
                self.check(answer, token, size, path)
        return True

    def spaced(self, link):
        """Requests one by one, none of which waits for the answer to the one before, in any order of sending and answering."""
        asked = []
        for _ in range(self.dice.randrange(2, 5)):
            token = self.token()
            kind, size = self.dice.choice([("length", 10), ("length", 10), ("chunked", 3000), ("length", 40000), ("deny", 0)])
            asked.append((token, kind, size, f"/{kind}/{size}/{token}"))
        at = 0
        while at < len(asked):
            count = self.dice.choice([1, 1, 1, 2, 3])
            link.socket.sendall(b"".join(head("GET", path) for _, _, _, path in asked[at:at + count]))
            at += count
            time.sleep(self.dice.choice([0, 0.0003, 0.001, 0.01]))
        for index, (token, kind, size, path) in enumerate(asked):
            link.asked = f"{index} of {[path for _, _, _, path in asked]}"
            answer = link.response()
            if kind == "deny" and self.world.routed:
                self.denied(answer)
            else:
                self.check(answer, token, size, path)
        return True

    def cut(self, link):
        token = self.token()
        data = head("GET", f"/length/10/{token}", f"X-Fill: {'f' * self.dice.choice([0, 300, 3000])}")
        if self.dice.random() < 0.2:
            pieces = [*(data[i:i + 1] for i in range(min(len(data), 100))), data[100:]]
        else:
            at = sorted(self.dice.randrange(1, len(data)) for _ in range(self.dice.randrange(1, 4)))
            pieces = [data[a:b] for a, b in zip([0, *at], [*at, len(data)])]
        link.asked = repr([len(piece) for piece in pieces])
        for piece in pieces:
            link.socket.sendall(piece)
            if self.dice.random() < 0.2:
                time.sleep(0.001)
        self.check(link.response(), token, 10, f"/length/10/{token}")
        return True

    def long_head(self, link):
        self.get(link, "length", 11, lines=[f"X-Long-{i}: {'l' * 500}" for i in range(12)])
        return True

    def upgrade(self, link):
        link.socket.sendall(head("GET", "/upgrade", "Connection: Upgrade", "Upgrade: websocket"))
        status, headers, _ = link.response()
        if status in ERRORS:
            raise Failed(f"{status} for an upgrade")
        if status != 101 or headers.get("x-server", "").rsplit("/", 1)[0] not in self.servers("main"):
            raise Wrong(f"{status} by {headers.get('x-server')} for an upgrade")
        for _ in range(3):
            data = self.dice.randbytes(self.dice.choice([1, 4000, 60000]))
            link.socket.sendall(data)
            if link.take(len(data)) != data:
                raise Wrong("another echo")
        return False

    def gone(self, link):
        """Aborts or closes in the midst of anything."""
        token = self.token()
        path = self.dice.choice([f"/length/700000/{token}", f"/length/10/{token}", f"/wait/15/{token}", f"/chunked/90000/{token}", f"/deny/0/{token}", f"/trickle/4000/{token}"])
        data = head("GET", path)
        if self.dice.random() < 0.2:
            data = head("POST", path, "Content-Length: 30000") + b"p" * 9000
        link.socket.sendall(data[:self.dice.randrange(1, len(data))] if self.dice.random() < 0.3 else data)
        if self.dice.random() < 0.6:
            time.sleep(self.dice.random() * 0.01)
        if self.dice.random() < 0.3:
            link.socket.settimeout(0.05)
            with contextlib.suppress(OSError):
                link.socket.recv(self.dice.choice([10, 1000, 65536]))
        link.abort() if self.dice.random() < 0.6 else link.socket.close()
        with lock:
            self.world.aborted += 1
        return False

    def denied(self, answer):
        status, _, data = answer
        if (status, data) != (403, b"denied"):
            raise Wrong(f"{status} {data[:60]!r} where all is denied")

    def local(self, link):
        """What the kernel answers itself."""
        what = self.dice.choice(["deny", "moved", "stage"])
        link.socket.sendall(head(self.dice.choice(["GET", "POST"]) if what == "deny" else "GET", f"/{what}/0/{self.token()}"))
        answer = link.response()
        status, headers, data = answer
        if what == "deny":
            self.denied(answer)
        elif what == "moved" and (status, headers.get("location")) != (301, "http://soak.example/elsewhere"):
            raise Wrong(f"{status} {headers.get('location')} for a redirect")
        elif what == "stage" and (status != 200 or data not in (b"first", b"second")):
            raise Wrong(f"{status} {data[:40]!r} for the stage")
        return True

    def rewritten(self, link):
        token = self.token()
        link.socket.sendall(head("GET", f"/b/length/80/{token}"))
        self.check(link.response(), token, 80, f"/length/80/{token}", clusters=("second",))
        return True

    def canary(self, link):
        if self.dice.random() < 0.5:
            self.get(link, "length", 90, lines=["X-Canary: yes"], clusters=("second",))
        else:
            self.get(link, "length", 95, before="/split", clusters=("main", "second"))
        return True

    def labelled(self, link):
        token = self.token()
        link.socket.sendall(head("GET", f"/labelled/length/300/{token}"))
        answer = link.response()
        self.check(answer, token, 300, f"/labelled/length/300/{token}")
        if answer[1].get("x-label") != "soak":
            raise Wrong("no label")
        return True

    def retried(self, link):
        self.get(link, "flaky", 40, before="/retry")
        return True

    def late(self, link):
        link.socket.sendall(head("GET", f"/late/wait/700/{self.token()}"))
        status, _, data = link.response()
        if (status, data) != (504, b"upstream request timeout"):
            raise Wrong(f"{status} {data[:60]!r} where the answer comes too late")
        return True

    def frail(self, link):
        kind = self.dice.choice(["length", "die", "quit", "bye", "surplus", "chunked"])
        try:
            self.get(link, kind, 3000, before="/frail", clusters=("frail",))
        except (Failed, Broken, ConnectionError) as error:
            with lock:
                self.world.honest += 1
            return isinstance(error, Failed)
        if kind in ("die", "quit"):
            raise Wrong(f"a whole answer of a server that does not give one: {kind}")
        return True

    ROUTED = {
        "plain": 30, "chunked": 6, "shapes": 4, "none": 2, "headless": 2, "large": 1, "slowly": 0.5, "until_close": 2, "last": 2, "closing": 5, "mute": 1, "old": 1, "half": 2, "post": 5, "upload": 2,
        "expecting": 1, "early": 1, "pipelined": 4, "spaced": 2, "cut": 4, "long_head": 1, "upgrade": 1, "gone": 6, "local": 8, "rewritten": 5, "canary": 6, "labelled": 4, "retried": 2, "late": 0.5, "frail": 3,
    }
    DIRECT = ("plain", "chunked", "shapes", "none", "headless", "large", "slowly", "closing", "half", "post", "pipelined", "spaced", "cut", "gone")

    def run(self):
        own = list(self.ROUTED if self.world.routed else self.DIRECT)
        names = [name for name in own if name in self.world.ways] or own
        weights = [self.ROUTED[name] for name in names]
        step = self.world.threads / self.world.rate
        due = time.monotonic() + self.dice.random() * step
        link = None
        while time.monotonic() < self.world.until:
            time.sleep(max(0, due - time.monotonic()))
            due = max(due + step, time.monotonic() - 1)
            way = self.dice.choices(names, weights)[0]
            link = self.attempt(link, way)
            if link and self.dice.random() < 0.02:
                link.socket.close()
                link = None
        if link:
            link.socket.close()

    def attempt(self, link, way):
        used = None
        try:
            used = link or Link(self.world.address, self.world.port)
            used.ways = [*used.ways[-4:], way]
            used.asked = ""
            going = getattr(self, way)(used)
            if going and used.held:
                raise Wrong(f"bytes behind a response: {used.held[:60]!r}")
            with lock:
                self.world.done[way] = self.world.done.get(way, 0) + 1
            if going:
                return used
        except Wrong as error:
            self.tell("wrong", way, used, str(error))
        except socket.timeout:
            self.tell("stuck", way, used, f"nothing for {PATIENCE} s; {len(used.held) if used else 0} bytes are there")
            time.sleep(2)
        except (OSError, Broken, Failed) as error:
            self.tell("failed", way, used, f"{type(error).__name__}: {error}")
        if used:
            used.socket.close()
        return None

    def tell(self, event, way, link, detail):
        about = {"way": way, "detail": detail, "before": link.ways if link else [], "asked": link.asked if link else "", "port": link.port if link else 0}
        with lock:
            print(json.dumps({"event": event, **about, "thread": self.number, "turn": self.turn, "at": time.strftime("%H:%M:%S"), "when": int(time.time() * 1000)}), flush=True)


class World:
    def __init__(self, command):
        self.address, self.port = command["address"], command["port"]
        self.routed = command["lane"] == "routed"
        self.prefix, self.tag = command["prefix"], command["tag"]
        self.threads, self.rate, self.seed = command["threads"], command["rate"], command["seed"]
        self.until = time.monotonic() + command["seconds"]
        self.ways = command.get("ways", [])
        self.done = {}
        self.aborted = self.honest = 0


def main():
    world = World(json.loads(sys.stdin.readline()))
    threads = [threading.Thread(target=Client(world, number).run) for number in range(world.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"event": "end", "ways": world.done, "aborted": world.aborted, "honest": world.honest}), flush=True)


if __name__ == "__main__":
    main()
