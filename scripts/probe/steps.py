#!/usr/bin/env python3
"""One socket, step by step: python3 scripts/probe/steps.py KIND STEP... ; prints one JSON line a step.

KIND  tcp4 tcp6 udp4 udp6 mptcp4
STEP  bind=ADDR,PORT  v6only  connect=ADDR,PORT  start=ADDR,PORT (connect without waiting)  connect4=ADDR,PORT (an AF_INET address, on any socket)
      unspec (connect(AF_UNSPEC))  send=TEXT  sendto=ADDR,PORT,TEXT  fastopen=ADDR,PORT,TEXT  recv  recvfrom  peer  listen  shutdown  close  reopen
      wait (until a line or the end of standard input)  sleep=SECONDS
A line is {"step", "result"} or {"step", "error": "ECONNREFUSED"}. What fails does not end the run; tests read counters while it waits.
"""
import ctypes
import errno
import json
import socket
import struct
import sys
import time

TIMEOUT = 3
MSG_FASTOPEN = 0x20000000
IPPROTO_MPTCP = 262
KINDS = {
    'tcp4': (socket.AF_INET, socket.SOCK_STREAM, 0),
    'tcp6': (socket.AF_INET6, socket.SOCK_STREAM, 0),
    'udp4': (socket.AF_INET, socket.SOCK_DGRAM, 0),
    'udp6': (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    'mptcp4': (socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP),
}
libc = ctypes.CDLL(None, use_errno=True)


def open_socket(kind):
    made = socket.socket(*KINDS[kind])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', TIMEOUT, 0))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', TIMEOUT, 0))
    return made


def raw_connect(sock, address):
    if libc.connect(sock.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), 'connect')


def place(text):
    address, port = text.split(',')[:2]
    return address, int(port)


def start(sock, text):
    sock.setblocking(False)
    try:
        sock.connect(place(text))
    except BlockingIOError:
        pass


def connect4(sock, text):
    address, port = place(text)
    raw_connect(sock, struct.pack('=H', socket.AF_INET) + struct.pack('>H', port) + socket.inet_aton(address) + bytes(8))


def receive_from(sock):
    data, source = sock.recvfrom(2000)
    return [data.decode(errors='replace'), source[0], source[1]]


STEPS = {
    'bind': lambda sock, text: sock.bind(place(text)),
    'v6only': lambda sock, text: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1),
    'connect': lambda sock, text: sock.connect(place(text)),
    'start': start,
    'connect4': connect4,
    'unspec': lambda sock, text: raw_connect(sock, struct.pack('=H', socket.AF_UNSPEC) + bytes(14)),
    'send': lambda sock, text: sock.send(text.encode()),
    'sendto': lambda sock, text: sock.sendto(text.split(',', 2)[2].encode(), place(text)),
    'fastopen': lambda sock, text: sock.sendto(text.split(',', 2)[2].encode(), MSG_FASTOPEN, place(text)),
    'recv': lambda sock, text: sock.recv(2000).decode(errors='replace'),
    'recvfrom': lambda sock, text: receive_from(sock),
    'peer': lambda sock, text: list(sock.getpeername()[:2]),
    'listen': lambda sock, text: sock.listen(1),
    'shutdown': lambda sock, text: sock.shutdown(socket.SHUT_WR),
    'close': lambda sock, text: sock.close(),
    'wait': lambda sock, text: sys.stdin.readline() and None,
    'sleep': lambda sock, text: time.sleep(float(text)),
}


def main(kind, steps):
    sock = open_socket(kind)
    for step in steps:
        name, _, text = step.partition('=')
        line = {'step': step}
        try:
            if name == 'reopen':
                sock = open_socket(kind)
            else:
                line['result'] = STEPS[name](sock, text)
        except OSError as error:
            line['error'] = errno.errorcode.get(error.errno, str(error))
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    if len(sys.argv) < 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
