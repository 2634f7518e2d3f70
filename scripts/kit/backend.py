"""Listens on many (address, port, protocol) at once and answers with its own name.

In: one JSON document on standard input, [[address, port, "tcp"|"udp"], ...]; a fourth item "share" sets SO_REUSEPORT.
Out: one JSON line, {"ready": N, "failed": [[address, port, protocol, errno name], ...]}; then it serves until killed.
Each TCP connection gets "IP:PORT\\n" at once (the address that was bound, "[IP]:PORT" for IPv6), again for each chunk of bytes
that it sends, and stays open until the client closes. Each datagram is answered with "IP:PORT\\n" from the bound address.
"""
import errno
import json
import select
import socket
import sys

V6_FREEBIND = 78
BACKLOG = 1024


def name(address, port):
    return f"[{address}]:{port}\n" if ":" in address else f"{address}:{port}\n"


def listen(address, port, protocol, share=None):
    v6 = ":" in address
    made = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    made.setblocking(False)
    if v6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, V6_FREEBIND, 1)
    if protocol == "tcp":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((address, port))
    if protocol == "tcp":
        made.listen(BACKLOG)
    return made


def serve(listeners):
    poll = select.epoll()
    for fd in listeners:
        poll.register(fd, select.EPOLLIN)
    connections = {}

    def accept(listener, text):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setblocking(False)
            try:
                client.send(text)
            except OSError:
                client.close()
                continue
            connections[client.fileno()] = (client, text)
            poll.register(client.fileno(), select.EPOLLIN)

    def answer(listener, text):
        while True:
            try:
                _, sender = listener.recvfrom(65536)
                listener.sendto(text, sender)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return

    def echo(fd):
        client, text = connections[fd]
        try:
            if client.recv(65536):
                client.send(text)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        del connections[fd]
        poll.unregister(fd)
        client.close()

    while True:
        for fd, _ in poll.poll():
            if fd in connections:
                echo(fd)
                continue
            listener, text, protocol = listeners[fd]
            (accept if protocol == "tcp" else answer)(listener, text)


def main():
    listeners, failed = {}, []
    for address, port, protocol, *share in json.load(sys.stdin):
        try:
            made = listen(address, port, protocol, share)
            listeners[made.fileno()] = (made, name(address, port).encode(), protocol)
        except OSError as error:
            failed.append([address, port, protocol, errno.errorcode.get(error.errno, str(error.errno))])
    print(json.dumps({"ready": len(listeners), "failed": failed}), flush=True)
    serve(listeners)


main()
