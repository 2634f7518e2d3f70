"""Clients of all manners at once, for a while. In: a line {"address", "port", "seconds", "clients", "seed"}. Out: a line {"ok": {"done", "aborted", "broken", "stuck", "wrong", "ways"}}; `ways`: which of the ways of `one` were stuck.

Each thread asks for a text of its own and must get that or an honest failure; it aborts at random in the midst of requests and responses, pipelines, closes half, asks for denied paths,
for what breaks, and reads large answers slowly.
"""
import json
import random
import socket
import struct
import sys
import threading
import time

lock = threading.Lock()


def fresh(address, port):
    link = socket.socket()
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.settimeout(8)
    link.connect((address, port))
    return link


class Broken(Exception):
    pass


class Link:
    def __init__(self, address, port):
        self.socket = fresh(address, port)
        self.held = b""

    def more(self, size):
        got = self.socket.recv(size)
        if not got:
            raise Broken
        self.held += got

    def response(self, size=1 << 16, pause=0):
        while b"\r\n\r\n" not in self.held:
            self.more(size)
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(self.held) < length:
            self.more(size)
            if pause:
                time.sleep(pause)
        body, self.held = self.held[:length], self.held[length:]
        return int(head.split(b" ")[1]), body

    def abort(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: a.example\r\n{more}\r\n".encode()


class Storm:
    def __init__(self, command):
        self.command = command
        self.ways = {}
        self.stuck = []
        self.counts = {"done": 0, "aborted": 0, "broken": 0, "stuck": 0, "wrong": []}

    def note(self, what):
        with lock:
            if what.startswith("wrong"):
                self.counts["wrong"].append(what)
            else:
                self.counts[what] += 1

    def expect(self, got, status, body, why):
        if got == (status, body):
            self.note("done")
        elif got[0] in (502, 503, 504):
            self.note("broken")
        else:
            self.note(f"wrong: {why}: {got[0]} {got[1][:60]!r} for {body!r}")

    def one(self, link, dice, text):
        """False: the connection is over."""
        way = self.ways[threading.get_ident()] = dice.random()
        if way < 0.4:
            link.socket.sendall(get(f"/id/{text}"))
            self.expect(link.response(), 200, text.encode(), "one")
        elif way < 0.5:
            link.socket.sendall(get(f"/id/{text}") + get(f"/admin/{text}") + get(f"/id/{text}x"))
            self.expect(link.response(), 200, text.encode(), "first of three")
            self.expect(link.response(), 403, b"denied", "denied among three")
            self.expect(link.response(), 200, f"{text}x".encode(), "last of three")
        elif way < 0.6:
            data = get(f"/id/{text}")
            at = dice.randrange(1, len(data))
            link.socket.sendall(data[:at])
            if dice.random() < 0.3:
                link.abort()
                self.note("aborted")
                return False
            link.socket.sendall(data[at:])
            self.expect(link.response(), 200, text.encode(), "split")
        elif way < 0.7:
            link.socket.sendall(get(dice.choice([f"/id/{text}", "/big/200000", f"/both/{text}", "/die", f"/admin/{text}"])))
            if dice.random() < 0.5:
                time.sleep(dice.random() * 0.01)
            link.abort() if dice.random() < 0.5 else link.socket.close()
            self.note("aborted")
            return False
        elif way < 0.76:
            link.socket.sendall(get(f"/both/{text}"))
            self.expect(link.response(), 200, text.encode(), "with something behind it")
        elif way < 0.8:
            link.socket.sendall(get("/die"))
            status, body = link.response()
            self.note("broken" if status == 503 else f"wrong: half a body is whole: {status} {body!r}")
        elif way < 0.86:
            body = b"b" * dice.choice([1, 1000, 20000, 45000])
            link.socket.sendall(b"POST /id/%s HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % (text.encode(), len(body)))
            link.socket.sendall(body)
            self.expect(link.response(), 200, text.encode(), "post")
        elif way < 0.9:
            link.socket.sendall(get(f"/id/{text}", "Connection: close\r\n"))
            self.expect(link.response(), 200, text.encode(), "closing")
            if link.socket.recv(100):
                self.note("wrong: bytes behind the last response")
            return False
        elif way < 0.94:
            link.socket.sendall(get(f"/id/{text}"))
            link.socket.shutdown(socket.SHUT_WR)
            self.expect(link.response(), 200, text.encode(), "half closed")
            return False
        else:
            link.socket.sendall(get("/big/1000000"))
            self.expect(link.response(dice.choice([4096, 65536]), dice.choice([0, 0.0005])), 200, b"z" * 1000000, "big")
        if link.held:
            self.note(f"wrong: bytes behind a response: {link.held[:60]!r}")
            return False
        return True

    def client(self, number):
        dice = random.Random(self.command["seed"] * 1000 + number)
        until = time.monotonic() + self.command["seconds"]
        link = None
        turn = 0
        while time.monotonic() < until:
            turn += 1
            try:
                link = link or Link(self.command["address"], self.command["port"])
                going = self.one(link, dice, f"{number}-{turn}")
            except socket.timeout:
                self.note("stuck")
                self.stuck.append(f"{self.ways[threading.get_ident()]:.2f}")
                going = False
            except (OSError, Broken):
                self.note("broken")
                going = False
            if not going:
                if link:
                    link.socket.close()
                link = None
        if link:
            link.socket.close()

    def run(self):
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(self.command["clients"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {**self.counts, "wrong": self.counts["wrong"][:20], "ways": self.stuck}


for line in sys.stdin:
    print(json.dumps({"ok": Storm(json.loads(line)).run()}), flush=True)
