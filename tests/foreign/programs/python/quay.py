"""A service of Python's standard library: it asks the tide by HTTP for each request that it gets.

`quay.py single` serves one request after the other in one thread, `quay.py threads` has a thread for each connection.
What it writes, and when it ends, is as with the programs beside it.
"""

import http.server
import json
import os
import sys
import threading
import time
import urllib.request

SERVICE = "quay"
TIDE = os.environ["TIDE_URL"]
LOG = open(os.path.join(os.environ["TRUTH_DIR"], SERVICE + ".jsonl"), "w", encoding="utf-8")
LOCK = threading.Lock()


def write(op, request, hop, start, **more):
    """An operation that has ended."""
    line = {"op": op, "service": SERVICE, "request": request, "hop": hop, "kind": "http", **more}
    line |= {"start_unix_nano": start, "end_unix_nano": time.time_ns()}
    with LOCK:
        LOG.write(json.dumps(line) + "\n")
        LOG.flush()


class Quay(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """One request."""
        start = time.time_ns()
        request, hop = self.headers["x-request-id"], self.headers["x-hop"]
        for number in (1, 2):
            self.ask(request, hop, f"{hop}.{number}")
        write("received", request, hop, start)
        body = b"moored\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.wfile.write(head + body)

    @staticmethod
    def ask(request, parent, hop):
        """A call on its behalf."""
        start = time.time_ns()
        headers = {"x-request-id": request, "x-hop": hop}
        with urllib.request.urlopen(urllib.request.Request(TIDE + "/level/1", headers=headers)) as answer:
            answer.read()
        write("called", request, hop, start, parent=parent)

    def log_message(self, *_):
        """Nothing."""


def main():
    """Serves until standard input ends."""
    kind = http.server.HTTPServer if sys.argv[1] == "single" else http.server.ThreadingHTTPServer
    server = kind(("127.0.0.1", 0), Quay)
    print("127.0.0.1:%d" % server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
