"""Holds sockets and works on them step by step, for tests about single sockets.

In: one JSON command a line on standard input; out: one JSON answer a line, {"ok": value} or {"errno": "ECONNREFUSED"}. Commands:
  {"op": "make", "name": "a", "protocol": "tcp"|"udp"|"mptcp", "family": "v4"|"v6", "bind": ["127.0.0.1", 0]?}   a socket, blocking, 2 s timeout;
      "v6only": true? before it is bound
  {"op": "connect", "name": "a", "address": "127.0.0.1", "port": 80, "wait": false?}   wait false: non-blocking, EINPROGRESS is ok;
      "form": "v4"? an AF_INET address, whatever the socket's family is
  {"op": "disconnect", "name": "a"}                connect(AF_UNSPEC)
  {"op": "listen", "name": "a"}, {"op": "accept", "name": "a", "as": "b"}
  {"op": "send", "name": "a", "text": "x", "to": ["127.0.0.1", 53]?}, {"op": "receive", "name": "a"}   receive: [text, "IP:PORT" of the sender]
      send: "flags": 0?, and "form": "v4"? as for connect
  {"op": "set", "name": "a", "level": 6, "option": 30, "value": 1}   setsockopt with an int
  {"op": "peer", "name": "a"}, {"op": "self", "name": "a"}   "IP:PORT"
  {"op": "close", "name": "a"}, {"op": "abort", "name": "a"}   abort: with a RST, where there is a connection
  {"op": "offer", "name": "a", "to": NAME}         passes the socket to the process that takes NAME next (SCM_RIGHTS), and keeps it
  {"op": "take", "from": NAME, "as": "b"}          after it was offered
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
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
IPPROTO_MPTCP = 262
sockets = {}


def text(address):
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def plain(address, port):
    """struct sockaddr_in, as bytes."""
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "libc")
    return result


def target(made, address, port):
    return (f"::ffff:{address}" if made.family == socket.AF_INET6 and ":" not in address else address), port


def make(command):
    family = socket.AF_INET6 if command["family"] == "v6" else socket.AF_INET
    protocol = command["protocol"]
    made = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM, IPPROTO_MPTCP if protocol == "mptcp" else 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.settimeout(2)
    if command.get("v6only"):
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if command.get("bind"):
        made.bind(target(made, *command["bind"]))
    sockets[command["name"]] = made


def connect(command, made):
    if command.get("form") == "v4":
        made.setblocking(True)
        checked(libc.connect(made.fileno(), plain(command["address"], command["port"]), 16))
        return
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
    if command.get("form") == "v4":
        return checked(libc.sendto(made.fileno(), data, len(data), 0, plain(*command["to"]), 16))
    if command.get("to"):
        return made.sendto(data, command.get("flags", 0), target(made, *command["to"]))
    return made.send(data)


def receive(_, made):
    data, sender = made.recvfrom(65536)
    return [data.decode(), text(sender) if sender else ""]


def close(command, made):
    made.close()
    del sockets[command["name"]]


def abort(command, made):
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(command, made)


def offer(command, made):
    """Over an abstract address of this network namespace."""
    way = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    way.bind("\0" + command["to"])
    way.listen(1)
    threading.Thread(target=pass_on, args=(way, made), daemon=True).start()


def pass_on(way, made):
    taker, _ = way.accept()
    socket.send_fds(taker, [b"x"], [made.fileno()])
    taker.close()
    way.close()


def take(command):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.connect("\0" + command["from"])
        _, descriptors, _, _ = socket.recv_fds(way, 1, 1)
    made = socket.socket(fileno=descriptors[0])
    made.settimeout(2)
    sockets[command["as"]] = made


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
    "connect": connect, "disconnect": disconnect, "accept": accept, "send": send, "receive": receive, "close": close, "abort": abort,
    "offer": offer,
    "set": lambda command, made: made.setsockopt(command["level"], command["option"], command["value"]),
    "listen": lambda _, made: made.listen(128),
    "peer": lambda _, made: text(made.getpeername()),
    "self": lambda _, made: text(made.getsockname()),
}
PROCESS_OPERATIONS = {"make": make, "join": join, "fork": fork, "take": take}


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
