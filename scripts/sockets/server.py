"""HTTP/1.1 servers that answer as the path says, for tests of framing. Usage: server.py ADDRESS PORT...; prints "ready".

What came is in the answer: header `x-got` has the sha256 of the request, head and body, `x-port` the port, `x-connection` which connection of the server it was.
  /length/N        a body of N bytes with Content-Length
  /chunked/N/C     the same in chunks of C bytes
  /trickle/N/C     the same as /length, sent in pieces of C bytes with a pause
  /close/N         a body of N bytes that ends with the connection
  /last/N          Content-Length and Connection: close
  /status/S        status S without a body
  /early           103, then 200
  /pieces          the head in two pieces with a pause between
  /both            Content-Length and Transfer-Encoding
  /extra           more bytes than Content-Length says
  /unasked         a whole response, then another one that nobody asked for, which TCP keeps for 200 ms
  /wait/MS         /length/2 after a pause
  /die             half of a body, then a reset
  /quit            closes without an answer
  /echo            the request itself, as it came
"""
import hashlib
import socket
import struct
import sys
import threading
import time

counter = 0
lock = threading.Lock()


def body_of(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def chunks(data, size):
    out = b""
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"


def answer(link, number, port, raw, head):
    method, target = head.split(b" ", 2)[:2]
    words = target.split(b"?")[0].decode().split("/")[1:]
    kind = words[0]
    args = [int(word) for word in words[1:] if word.isdigit()]
    got = b"X-Got: %s\r\nX-Port: %d\r\nX-Connection: %d\r\n" % (hashlib.sha256(raw).hexdigest().encode(), port, number)
    start = b"HTTP/1.1 200 OK\r\n" + got
    size = args[0] if args else 2
    data = b"" if method == b"HEAD" else body_of(size)
    if kind == "chunked":
        coded = b"" if method == b"HEAD" else chunks(data, args[1])
        link.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n" + coded)
    elif kind == "slowchunks":
        coded = chunks(data, args[1])
        link.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(coded), args[2]):
            link.sendall(coded[at:at + args[2]])
            time.sleep(0.002)
    elif kind == "trickle":
        link.sendall(start + b"Content-Length: %d\r\n\r\n" % size)
        for at in range(0, size, args[1]):
            link.sendall(data[at:at + args[1]])
            time.sleep(0.002)
    elif kind == "close":
        link.sendall(start + b"\r\n" + data)
        return False
    elif kind == "last":
        link.sendall(start + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % size + data)
        return False
    elif kind == "status":
        link.sendall(b"HTTP/1.1 %d Some\r\n" % size + got + (b"" if size in (204, 304) else b"Content-Length: 0\r\n") + b"\r\n")
    elif kind == "early":
        link.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + start + b"Content-Length: 2\r\n\r\nok")
    elif kind == "pieces":
        link.sendall(start[:20])
        time.sleep(0.02)
        link.sendall(start[20:] + b"Content-Length: 2\r\n\r\nok")
    elif kind == "both":
        link.sendall(start + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"ok", 2))
    elif kind == "extra":
        link.sendall(start + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    elif kind == "unasked":
        link.sendall(start + b"Content-Length: 2\r\n\r\nok")
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    elif kind == "wait":
        time.sleep(size / 1000)
        link.sendall(start + b"Content-Length: 2\r\n\r\nok")
    elif kind == "die":
        link.sendall(start + b"Content-Length: 100\r\n\r\nhalf")
        time.sleep(0.02)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    elif kind == "quit":
        return False
    elif kind == "echo":
        link.sendall(start + b"Content-Length: %d\r\n\r\n" % len(raw) + raw)
    else:
        link.sendall(start + b"Content-Length: %d\r\n\r\n" % len(data if method != b"HEAD" else body_of(size)) + data)
    return True


def serve(link, number, port):
    held = b""
    try:
        while True:
            while b"\r\n\r\n" not in held:
                more = link.recv(1 << 16)
                if not more:
                    return
                held += more
            end = held.index(b"\r\n\r\n") + 4
            head = held[:end]
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            while len(held) < end + length:
                held += link.recv(1 << 16)
            raw, held = held[:end + length], held[end + length:]
            if not answer(link, number, port, raw, head):
                return
    except OSError:
        pass
    finally:
        link.close()


def listen(address, port):
    global counter
    door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((address, port))
    door.listen(1024)
    while True:
        link, _ = door.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with lock:
            counter += 1
            number = counter
        threading.Thread(target=serve, args=(link, number, port), daemon=True).start()


for text in sys.argv[2:]:
    threading.Thread(target=listen, args=(sys.argv[1], int(text)), daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
threading.Event().wait()
