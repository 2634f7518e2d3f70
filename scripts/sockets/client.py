"""Plain HTTP/1.1 clients, one step at a time. In: one JSON command a line on standard input; out: one JSON answer a line, {"ok": value} or {"errno": name}.

Bytes are latin-1 text.
  {"op": "connect", "name": "a", "address": "127.0.0.1", "port": 80, "early": TEXT?, "how": "sendto"|"option"|"waiting"?}   early bytes, sent in one of three ways
  {"op": "send", "name": "a", "pieces": [TEXT, ...], "pause": SECONDS?}   one send() for each piece; value: how many bytes each took, or an errno
  {"op": "read", "name": "a", "count": 1, "method": "GET"?, "wait": SECONDS?}   that many responses: [{status, headers, body: {length, sha256, text?}}]
  {"op": "rest", "name": "a", "wait": SECONDS?}   what comes until the end: {text, end: "end"|"reset"|"timeout"}
  {"op": "splits", "address", "port", "request": TEXT, "from": 1, "to": N?, "keep": true}   the request split at each place, on one connection or one each; value: the answers that
                                                     were not 200 with x-got of the request, as [place, what], and how many splits there were
  {"op": "half", "name": "a"}, {"op": "close", "name": "a"}, {"op": "abort", "name": "a"}, {"op": "peer", "name": "a"}
  {"op": "flood", "address", "port", "request": TEXT, "clients": N, "each": N}   N clients at a time, each with so many requests in a row on its connection; value: {status or errno: count}
"""
import errno
import hashlib
import json
import select
import socket
import struct
import sys
import threading
import time

MSG_FASTOPEN = 0x20000000
TCP_FASTOPEN_CONNECT = 30
links = {}
held = {}


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def fresh(address):
    link = socket.socket(family(address))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.settimeout(5)
    return link


def connect(command):
    address, port = command["address"], command["port"]
    link = fresh(address)
    early = command.get("early", "").encode("latin-1")
    how = command.get("how")
    if how == "sendto":
        link.settimeout(None)
        link.sendto(early, MSG_FASTOPEN, (address, port))
    elif how == "option":
        link.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        link.connect((address, port))
        link.sendall(early)
    elif how == "waiting":
        # A non-blocking connect, then a blocking send that waits inside the kernel for the connection.
        link.setblocking(False)
        link.connect_ex((address, port))
        link.setblocking(True)
        link.sendall(early)
    else:
        link.connect((address, port))
        if early:
            link.sendall(early)
    link.settimeout(5)
    links[command["name"]] = link
    held[command["name"]] = b""
    return None


def send(command):
    link = links[command["name"]]
    taken = []
    for index, piece in enumerate(command["pieces"]):
        if index and command.get("pause"):
            time.sleep(command["pause"])
        try:
            data = piece.encode("latin-1")
            link.sendall(data)
            taken.append(len(data))
        except OSError as error:
            taken.append(errno.errorcode.get(error.errno, str(error)))
    return taken


class Reader:
    def __init__(self, link, data=b""):
        self.link = link
        self.data = data

    def more(self):
        got = self.link.recv(1 << 20)
        if not got:
            raise EOFError
        self.data += got

    def until(self, mark):
        while mark not in self.data:
            self.more()
        at = self.data.index(mark) + len(mark)
        out, self.data = self.data[:at], self.data[at:]
        return out

    def exactly(self, size):
        parts = [self.data[:size]]
        have = len(parts[0])
        self.data = self.data[size:]
        while have < size:
            got = self.link.recv(min(1 << 20, size - have))
            if not got:
                raise EOFError
            parts.append(got)
            have += len(got)
        return b"".join(parts)

    def to_end(self):
        try:
            while True:
                self.more()
        except EOFError:
            out, self.data = self.data, b""
            return out

    def response(self, method="GET"):
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = {}
        for line in head[1:-2]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        if method == "HEAD" or status in (204, 304) or status < 200:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    while self.until(b"\r\n") != b"\r\n":
                        pass
                    break
                body += self.exactly(size)
                self.until(b"\r\n")
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            body = self.to_end()
        return status, headers, body


def shown(response):
    status, headers, body = response
    value = {"status": status, "headers": headers, "length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if len(body) <= 4096:
        value["text"] = body.decode("latin-1")
    return value


def read(command):
    name = command["name"]
    link = links[name]
    link.settimeout(command.get("wait", 5))
    reader = Reader(link, held[name])
    try:
        return [shown(reader.response(command.get("method", "GET"))) for _ in range(command.get("count", 1))]
    finally:
        held[name] = reader.data


def rest(command):
    name = command["name"]
    link = links[name]
    link.settimeout(command.get("wait", 5))
    data = held[name]
    held[name] = b""
    end = "end"
    try:
        while True:
            got = link.recv(1 << 16)
            if not got:
                break
            data += got
    except socket.timeout:
        end = "timeout"
    except ConnectionResetError:
        end = "reset"
    return {"text": data[:65536].decode("latin-1"), "length": len(data), "end": end}


def splits(command):
    request = command["request"].encode("latin-1")
    wanted = hashlib.sha256(request).hexdigest()
    method = request.split(b" ")[0].decode()
    wrong = []
    link = None
    places = range(command.get("from", 1), min(command.get("to", len(request)), len(request)))
    for at in places:
        try:
            if link is None or not command.get("keep"):
                if link:
                    link.close()
                link = fresh(command["address"])
                link.connect((command["address"], command["port"]))
            link.sendall(request[:at])
            if command.get("pause"):
                time.sleep(command["pause"])
            link.sendall(request[at:])
            status, headers, _ = Reader(link).response(method)
            if status != 200 or headers.get("x-got") != wanted:
                wrong.append([at, f"{status} {headers.get('x-got')}"])
                link.close()
                link = None
        except (OSError, EOFError, ValueError) as error:
            wrong.append([at, repr(error)])
            if link:
                link.close()
            link = None
    return {"count": len(places), "wrong": wrong[:20]}


def flood(command):
    request = command["request"].encode("latin-1")
    method = request.split(b" ")[0].decode()
    counts = {}
    lock = threading.Lock()

    def note(what):
        with lock:
            counts[what] = counts.get(what, 0) + 1

    def one():
        try:
            link = fresh(command["address"])
            link.connect((command["address"], command["port"]))
            reader = Reader(link)
            for _ in range(command["each"]):
                link.sendall(request)
                note(str(reader.response(method)[0]))
            link.close()
        except (OSError, EOFError, ValueError) as error:
            note(repr(error))

    threads = [threading.Thread(target=one) for _ in range(command["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def close(command):
    links.pop(command["name"]).close()


def abort(command):
    links[command["name"]].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(command)


def readable(command):
    return bool(select.select([links[command["name"]]], [], [], command.get("wait", 0))[0])


OPERATIONS = {
    "connect": connect, "send": send, "read": read, "rest": rest, "splits": splits, "flood": flood, "close": close, "abort": abort, "readable": readable,
    "half": lambda command: links[command["name"]].shutdown(socket.SHUT_WR),
    "peer": lambda command: list(links[command["name"]].getpeername()[:2]),
}

for line in sys.stdin:
    question = json.loads(line)
    try:
        reply = {"ok": OPERATIONS[question["op"]](question)}
    except socket.timeout:
        reply = {"errno": "timeout"}
    except EOFError:
        reply = {"errno": "end"}
    except OSError as error:
        reply = {"errno": errno.errorcode.get(error.errno, str(error))}
    print(json.dumps(reply), flush=True)
