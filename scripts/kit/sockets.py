"""Holds sockets and works on them step by step, for tests about single sockets.

In: one JSON command a line on standard input; out: one JSON answer a line, {"ok": value} or {"errno": "ECONNREFUSED"}. Commands:
  {"op": "make", "name": "a", "protocol": "tcp"|"udp", "family": "v4"|"v6", "bind": ["127.0.0.1", 0]?}   a socket, blocking, 2 s timeout
  {"op": "connect", "name": "a", "address": "127.0.0.1", "port": 80, "wait": false?}   wait false: non-blocking, EINPROGRESS is ok
  {"op": "disconnect", "name": "a"}                connect(AF_UNSPEC)
  {"op": "listen", "name": "a"}, {"op": "accept", "name": "a", "as": "b"}
  {"op": "send", "name": "a", "text": "x", "to": ["127.0.0.1", 53]?}, {"op": "receive", "name": "a"}   receive: [text, "IP:PORT" of the sender]
  {"op": "peer", "name": "a"}, {"op": "self", "name": "a"}   "IP:PORT"
  {"op": "close", "name": "a"}
  {"op": "join", "cgroup": PATH}                   moves this process
  {"op": "fork"}                                   a child that holds all sockets and sleeps; its process id
An address for a v6 socket that is IPv4 is mapped.
"""
import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
sockets = {}


def text(address):
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target(made, address, port):
    return (f"::ffff:{address}" if made.family == socket.AF_INET6 and ":" not in address else address), port


def make(command):
    family = socket.AF_INET6 if command["family"] == "v6" else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if command["protocol"] == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.settimeout(2)
    if command.get("bind"):
        made.bind(target(made, *command["bind"]))
    sockets[command["name"]] = made


def connect(command, made):
    place = target(made, command["address"], command["port"])
    if command.get("wait", True):
        made.connect(place)
        return
    made.setblocking(False)
    result = made.connect_ex(place)
    made.settimeout(2)
    if result not in (0, errno.EINPROGRESS):
        raise OSError(result, "connect")


def disconnect(_, made):
    if libc.connect(made.fileno(), bytes(16), 16) != 0:
        raise OSError(ctypes.get_errno(), "connect")


def accept(command, made):
    client, sender = made.accept()
    sockets[command["as"]] = client
    return text(sender)


def send(command, made):
    data = command["text"].encode()
    return made.sendto(data, target(made, *command["to"])) if command.get("to") else made.send(data)


def receive(_, made):
    data, sender = made.recvfrom(65536)
    return [data.decode(), text(sender) if sender else ""]


def close(command, made):
    made.close()
    del sockets[command["name"]]


def join(command):
    with open(os.path.join(command["cgroup"], "cgroup.procs"), "w") as procs:
        procs.write(str(os.getpid()))


def fork(_):
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(0)
        os.close(1)
        time.sleep(3600)
        os._exit(0)
    return pid


OPERATIONS = {
    "connect": connect, "disconnect": disconnect, "accept": accept, "send": send, "receive": receive, "close": close,
    "listen": lambda _, made: made.listen(128),
    "peer": lambda _, made: text(made.getpeername()),
    "self": lambda _, made: text(made.getsockname()),
}
PROCESS_OPERATIONS = {"make": make, "join": join, "fork": fork}


def answer(command):
    try:
        if command["op"] in PROCESS_OPERATIONS:
            return {"ok": PROCESS_OPERATIONS[command["op"]](command)}
        return {"ok": OPERATIONS[command["op"]](command, sockets[command["name"]])}
    except socket.timeout:
        return {"errno": "timeout"}
    except OSError as error:
        return {"errno": errno.errorcode.get(error.errno, str(error.errno))}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
