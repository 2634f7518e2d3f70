"""Many connections at once. In: a line {"address", "port", "prefix", "connections", "paths"} or {"address", "port", "prefix", "readers", "bytes"}. Out: a line {"ok": count, "wrong": [...]}.

connections: all are opened and asked for one of `paths` (each ends with /KIND/NUMBER/, a token is added), then all are asked again while all are open, in another order.
readers: each asks for so many bytes, waits until all have, and reads them slowly; every byte is looked at.
"""
import json
import random
import resource
import socket
import sys
import threading
import time

PATIENCE = 60


def text_of(token, size):
    piece = token.encode() + b"."
    return (piece * (size // len(piece) + 1))[:size]


def connect(command):
    link = socket.create_connection((command["address"], command["port"]), PATIENCE)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def response(link, held=b"", piece=1 << 16, pause=0):
    """(status, headers, body) of an answer with Content-Length"""
    def more():
        got = link.recv(piece)
        if not got:
            raise OSError("the connection ended")
        return got
    while b"\r\n\r\n" not in held:
        held += more()
    head, _, body = held.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    parts, have, size = [body], len(body), int(headers.get("content-length", "0"))
    while have < size:
        if pause:
            time.sleep(pause)
        parts.append(more())
        have += len(parts[-1])
    return int(lines[0].split(" ")[1]), headers, b"".join(parts)


def ask(link, path, token):
    link.sendall(f"GET {path}{token} HTTP/1.1\r\nHost: soak.example\r\n\r\n".encode())


def complaint(command, answer, path, token):
    status, headers, body = answer
    kind, size = path.split("/")[-3:-1]
    if path.startswith("/deny"):
        return None if (status, body) == (403, b"denied") else f"{status} {body[:40]!r} for {path}{token}"
    if status == 200 and headers.get("x-server", "").startswith(command["prefix"]) and body == text_of(token, int(size)):
        return None
    return f"{status} by {headers.get('x-server')}, {len(body)} bytes {body[:40]!r} for {path}{token}"


def many(command):
    wrong, links, good = [], [], 0
    dice = random.Random(1)
    numbers = list(range(command["connections"]))
    for number in numbers:
        links.append(connect(command))
    for turn in range(2):
        dice.shuffle(numbers)
        for start in range(0, len(numbers), 50):
            some = numbers[start:start + 50]
            asked = {number: (command["paths"][(number + turn) % len(command["paths"])], f"{turn}-{number}") for number in some}
            for number in some:
                ask(links[number], *asked[number])
            for number in some:
                try:
                    said = complaint(command, response(links[number]), *asked[number])
                except OSError as error:
                    said = f"{error!r} for {asked[number]}"
                if said:
                    wrong.append(said)
                else:
                    good += 1
    for link in links:
        link.close()
    return good, wrong


def slowly(command):
    wrong, good, lock = [], [0], threading.Lock()
    size = command["bytes"]

    def one(number, link):
        token = f"slow-{number}"
        try:
            said = complaint(command, response(link, piece=40_000, pause=0.004), f"/length/{size}/", token)
        except OSError as error:
            said = f"{error!r} for {token}"
        with lock:
            if said:
                wrong.append(said)
            else:
                good[0] += 1
        link.close()

    links = [connect(command) for _ in range(command["readers"])]
    for number, link in enumerate(links):
        ask(link, f"/length/{size}/", f"slow-{number}")
    # nobody reads: what is under way has to wait somewhere
    time.sleep(2)
    print(json.dumps({"waiting": True}), flush=True)
    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(links)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return good[0], wrong


limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
command = json.loads(sys.stdin.readline())
good, wrong = slowly(command) if "readers" in command else many(command)
print(json.dumps({"ok": good, "wrong": wrong[:20]}), flush=True)
