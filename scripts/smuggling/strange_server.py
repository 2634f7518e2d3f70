"""An HTTP/1.1 server that does not keep to the rules. Usage: strange_server.py ADDRESS PORT...; prints "ready".

  /id/TEXT      TEXT; so is everything that is not below. A chunked body must hold no data
  /both/TEXT    TEXT, and behind it, in the same send, a response that nobody asked for
  /later/MS/ID  "ok", and MS milliseconds later a response that nobody asked for; then /seen has "ID is sent", too
  /early        a response before the body of the request was read
  /die          half of a body, then a reset
  /big/N        N bytes
  /seen         the paths of all requests that came so far, as JSON; itself left out
"""
import json
import socket
import struct
import sys
import threading
import time

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
seen = []


def whole(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def answer(link, path):
    kind, _, text = path.strip("/").partition("/")
    if kind == "seen":
        link.sendall(whole(json.dumps(seen).encode()))
        return True
    seen.append(path)
    if kind == "both":
        link.sendall(whole(text.encode()) + EVIL)
    elif kind == "later":
        link.sendall(whole(b"ok"))
        wait, _, name = text.partition("/")
        time.sleep(int(wait) / 1000)
        link.sendall(EVIL)
        seen.append(f"{name} is sent")
    elif kind == "die":
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(0.005)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    elif kind == "big":
        link.sendall(whole(b"z" * int(text)))
    else:
        link.sendall(whole(text.encode()))
    return True


def serve(link):
    held = b""
    try:
        while True:
            while b"\r\n\r\n" not in held:
                more = link.recv(1 << 16)
                if not more:
                    return
                held += more
            head, _, held = held.partition(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            path = head.split(b" ")[1].decode("latin-1")
            if path == "/early":
                seen.append(path)
                link.sendall(whole(b"early"))
            while len(held) < length:
                more = link.recv(1 << 16)
                if not more:
                    return
                held += more
            held = held[length:]
            if b"\r\ntransfer-encoding: chunked" in head.lower():
                while b"0\r\n\r\n" not in held:
                    more = link.recv(1 << 16)
                    if not more:
                        return
                    held += more
                held = held.partition(b"0\r\n\r\n")[2]
            if path != "/early" and not answer(link, path):
                return
    except OSError:
        pass
    finally:
        link.close()


def listen(address, port):
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((address, port))
    door.listen(1024)
    while True:
        link, _ = door.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(link,), daemon=True).start()


for text in sys.argv[2:]:
    threading.Thread(target=listen, args=(sys.argv[1], int(text)), daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
threading.Event().wait()
