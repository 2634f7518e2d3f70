"""Dials addresses one after the other and tallies who answered.

In: one JSON job a line on standard input; out: one JSON tally a line. Ends when the input ends. Jobs:
  {"protocol": "tcp"|"udp", "address": "10.0.0.1", "port": 80, "count": 1,
   "socket": "v4"|"v6"      family of the socket (default: the address's own); a v6 socket dials an IPv4 address as ::ffff:a.b.c.d
   "datagram": "connect"|"sendto"   UDP through a connected socket (default) or an unconnected one
   "source": "10.9.0.1"     bind to it first
   "cpus": "alternate"      move to the next CPU before each dial
   "threads": 16            that many threads share the count
   "hold": "a"              keep the sockets open under this name
   "close": "fin"|"rst"|"wait"   how TCP connections end (default fin); wait: close only once the server has closed too
   "say": "text"            TCP: send this first; a server behind a proxy that looks at first bytes does not speak before
   "sequence": true         also list the answers in order
   "timeout": 2}            seconds a dial may take
  {"release": "a"}          closes what was held under the name; answers {"released": n}
Tally: {"reached": {"IP:PORT": n}, "failed": {"ECONNREFUSED": n}, "passed": n, "peer": {"IP:PORT": n}, "seconds": s}.
  failed: errno names of socket(), connect(), send(), recv(); "timeout": no answer in time; "eof": closed without an answer
  passed: EACCES, which the prohibit route of a closed namespace gives to whatever was left alone
  peer: what getpeername (connected) or the answer's source (unconnected) said
"""
import errno
import json
import os
import socket
import sys
import threading
import time

held = {}


def text(address):
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target(job):
    address, family = job["address"], job.get("socket") or ("v6" if ":" in job["address"] else "v4")
    return (socket.AF_INET6 if family == "v6" else socket.AF_INET), (f"::ffff:{address}" if family == "v6" and ":" not in address else address)


def make(job, family):
    made = socket.socket(family, socket.SOCK_STREAM if job["protocol"] == "tcp" else socket.SOCK_DGRAM)
    made.settimeout(job.get("timeout", 2))
    if job.get("source"):
        source = job["source"]
        made.bind((f"::ffff:{source}" if family == socket.AF_INET6 and ":" not in source else source, 0))
    return made


def dial(job):
    """(kind, text, peer): kind is "reached" or "failed"."""
    family, address = target(job)
    unconnected = job["protocol"] == "udp" and job.get("datagram") == "sendto"
    made, peer = None, None
    try:
        made = make(job, family)
        if unconnected:
            made.sendto(b"?", (address, job["port"]))
            answer, sender = made.recvfrom(4096)
            peer = text(sender)
        else:
            made.connect((address, job["port"]))
            peer = text(made.getpeername())
            if job["protocol"] == "udp" or job.get("say"):
                made.send(job.get("say", "?").encode())
            answer = made.recv(4096)
        return ("reached", answer.decode().split("\n")[0], peer) if answer else ("failed", "eof", peer)
    except socket.timeout:
        return "failed", "timeout", peer
    except socket.gaierror:    # an address that the socket's family cannot hold
        return "failed", "EAFNOSUPPORT", peer
    except OSError as error:
        return "failed", errno.errorcode.get(error.errno, str(error.errno)), peer
    finally:
        if made is not None:
            finish(job, made)


def finish(job, made):
    if job.get("hold"):
        held.setdefault(job["hold"], []).append(made)
        return
    if job["protocol"] == "tcp" and job.get("close") == "rst":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    if job["protocol"] == "tcp" and job.get("close") == "wait":
        wait_for_end(made)
    made.close()


def wait_for_end(made):
    try:
        made.shutdown(socket.SHUT_WR)
        while made.recv(4096):
            pass
    except OSError:
        pass


def dial_many(job, count, results):
    every = sorted(os.sched_getaffinity(0))
    for i in range(count):
        if job.get("cpus") == "alternate":
            os.sched_setaffinity(0, {every[i % len(every)]})
        results.append(dial(job))
    os.sched_setaffinity(0, every)


def work(job):
    count, threads, results = job.get("count", 1), job.get("threads", 1), []
    begin = time.monotonic()
    if threads == 1:
        dial_many(job, count, results)
    else:
        shares = [count // threads + (1 if i < count % threads else 0) for i in range(threads)]
        running = [threading.Thread(target=dial_many, args=(job, share, results)) for share in shares]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    tally = {"reached": {}, "failed": {}, "passed": 0, "peer": {}, "seconds": round(time.monotonic() - begin, 6)}
    for kind, what, peer in results:
        if what == "EACCES":
            tally["passed"] += 1
        else:
            tally[kind][what] = tally[kind].get(what, 0) + 1
        if peer is not None:
            tally["peer"][peer] = tally["peer"].get(peer, 0) + 1
    if job.get("sequence"):
        tally["sequence"] = [what for _, what, _ in results]
    return tally


def release(name):
    sockets = held.pop(name, [])
    for made in sockets:
        made.close()
    return {"released": len(sockets)}


def main():
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(release(job["release"]) if "release" in job else work(job)), flush=True)


main()
