"""A client that sends request after request and reads nothing until the last is sent. In: one line of JSON {"address", "port", "requests": [{"method", "path", "lines", "body", "pause"}], "last": "read"|"half"|"end", "each": whether it reads each answer before it goes on}.
Out: one line of JSON: for each answer {"status", "path": what the server says that it was asked for, "length", "whole": the body is what was asked for}, and {"end": how it ended} where it ends.
`pause`: seconds behind each, so that its answer is on its way or there. `half`: it says that it sends no more before it reads."""
import json
import socket
import sys
import time

from soak_client import Broken, Link, text_of

PATIENCE = 10


def ask(link, one):
    body = one.get("body", "").encode()
    lines = [f"{one.get('method', 'GET')} {one['path']} HTTP/1.1", "Host: soak.example", *one.get("lines", []), "", ""]
    link.socket.sendall("\r\n".join(lines).encode() + body + b"u" * one.get("upload", 0))
    time.sleep(one.get("pause", 0.01))


def answer(link, one):
    status, headers, body = link.response(one.get("method", "GET"))
    kind, size, token = one["path"].split("/")[-3:]
    return {"status": status, "path": headers.get("x-path"), "length": len(body), "whole": body == text_of(token, int(size))}


def main():
    command = json.loads(sys.stdin.readline())
    link = Link(command["address"], command["port"])
    link.socket.settimeout(PATIENCE)
    said = []
    try:
        for one in command["requests"]:
            ask(link, one)
            if command["each"]:
                said.append(answer(link, one))
        if command["last"] == "half":
            link.socket.shutdown(socket.SHUT_WR)
            time.sleep(0.4)
        for one in [] if command["each"] else command["requests"]:
            said.append(answer(link, one))
        if command["last"] != "read":
            link.more()
    except (Broken, OSError) as error:
        said.append({"end": str(error) or type(error).__name__})
    print(json.dumps(said), flush=True)


main()
