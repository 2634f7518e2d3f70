"""Many connections at once, each ended in an unfriendly way.

In: one JSON job a line on standard input; out: one JSON answer a line. Ends when the input ends. Jobs:
  {"way": "abandon"|"reset"|"disconnect"|"hold", "address": "10.0.0.1", "port": 80, "family": "v4"|"v6", "threads": 16, "seconds": 1}
  abandon: connect without waiting, close at once         reset: connect, close with a RST
  disconnect: connect without waiting, connect(AF_UNSPEC), connect again, close     hold: the same, kept for a moment
Answer: {"tried": n, "made": n, "failed": {"ECONNREFUSED": n}, "spans": [[from, to], ...]}; made: connections that stood; spans: when each of them
stood, from the return of connect() to the call of close(), in nanoseconds of the clock that all processes share.
"""
import ctypes
import errno
import json
import random
import socket
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
LINGER = struct.pack("ii", 1, 0)
lock = threading.Lock()


class Sums:
    def __init__(self):
        self.tried = 0
        self.failed = {}
        self.spans = []

    def fails(self, code):
        name = errno.errorcode.get(code, str(code))
        with lock:
            self.failed[name] = self.failed.get(name, 0) + 1


def abandon(made, place, sums):
    made.setblocking(False)
    code = made.connect_ex(place)
    if code not in (0, errno.EINPROGRESS):
        sums.fails(code)
    if random.random() < 0.3:
        time.sleep(random.random() * 0.002)


def disconnect(made, place, sums):
    abandon(made, place, sums)
    libc.connect(made.fileno(), bytes(16), 16)
    code = made.connect_ex(place)
    if code not in (0, errno.EINPROGRESS):
        sums.fails(code)


def connected(made, place, sums):
    made.settimeout(5)
    try:
        made.connect(place)
    except OSError as error:
        sums.fails(error.errno or errno.ETIMEDOUT)
        return False
    return True


def reset(made, place, sums):
    if not connected(made, place, sums):
        return
    begin = time.monotonic_ns()
    if random.random() < 0.5:
        made.recv(64)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    sums.spans.append((begin, time.monotonic_ns()))


def hold(made, place, sums):
    if not connected(made, place, sums):
        return
    begin = time.monotonic_ns()
    time.sleep(random.random() * 0.0005)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    sums.spans.append((begin, time.monotonic_ns()))


WAYS = {"abandon": abandon, "disconnect": disconnect, "reset": reset, "hold": hold}


def work(job, sums):
    family = socket.AF_INET6 if job["family"] == "v6" else socket.AF_INET
    address = job["address"]
    place = (f"::ffff:{address}" if job["family"] == "v6" and ":" not in address else address), job["port"]
    end = time.monotonic() + job["seconds"]
    while time.monotonic() < end:
        with lock:
            sums.tried += 1
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            WAYS[job["way"]](made, place, sums)
        except OSError as error:
            sums.fails(error.errno or errno.ETIMEDOUT)
        finally:
            made.close()


def main():
    for line in sys.stdin:
        job, sums = json.loads(line), Sums()
        threads = [threading.Thread(target=work, args=(job, sums)) for _ in range(job["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(json.dumps({"tried": sums.tried, "made": len(sums.spans), "failed": sums.failed, "spans": sums.spans}), flush=True)


main()
