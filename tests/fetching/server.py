"""A web server that serves bytes and misbehaves on demand."""

import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass(frozen=True)
class Asked:
    """A request that came: its path, and from which byte it wanted the file (None: without Range)."""

    path: str
    offset: int | None


class Server:
    """`serve` a path with bytes and, if wanted, faults: one for each coming request, the last one for good."""

    def __init__(self):
        self.files, self.faults, self.asked = {}, {}, []
        self.stalled, self.released = threading.Event(), threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.root = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    def serve(self, path, content, *faults):
        self.files[path], self.faults[path] = content, list(faults)
        return f"{self.root}/{path}"

    def fault(self, path):
        left = self.faults.get(path, [])
        return (left.pop(0) if len(left) > 1 else left[0]) if left else whole


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server

    def do_GET(self):
        self.close_connection = True
        path = unquote(self.path.split("?")[0].lstrip("/"))
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.owner.asked.append(Asked(path, int(wanted[1]) if wanted else None))
        if path in self.owner.files:
            self.owner.fault(path)(self, self.owner.files[path])
        else:
            status(404)(self, b"")

    def offset(self, content):
        """From which byte to send: not 0 only when the client resumes these very bytes."""
        asked = self.owner.asked[-1].offset or 0
        return asked if self.headers.get("If-Range") in (None, etag(content)) else 0

    def head(self, code, length, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, content):
        with suppress(ConnectionError):
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def etag(content):
    return f'"{md5(content).hexdigest()}"'


def whole(handler, content):
    """As a good server does: Range, If-Range, ETag, 416."""
    cut(len(content))(handler, content)


def cut(most):
    """At most so many bytes, whatever was announced."""

    def reply(handler, content):
        offset = handler.offset(content)
        if offset >= len(content) > 0:
            handler.head(416, 0, Content_Range=f"bytes */{len(content)}")
            return
        ranged = {"Content_Range": f"bytes {offset}-{len(content) - 1}/{len(content)}"} if offset else {}
        handler.head(206 if offset else 200, len(content) - offset, ETag=etag(content), **ranged)
        handler.body(content[offset : offset + most])

    return reply


def stall(most):
    """So many bytes, and then nothing until the test is over."""

    def reply(handler, content):
        handler.head(200, len(content), ETag=etag(content))
        handler.body(content[:most])
        handler.owner.stalled.set()
        handler.owner.released.wait()

    return reply


def without_ranges(handler, content):
    handler.head(200, len(content))
    handler.body(content)


def announcing(length):
    """A wrong Content-Length; no Range either, as that would state the true one."""

    def reply(handler, content):
        handler.head(200, length)
        handler.body(content)

    return reply


def flipped(handler, content):
    """One byte in the middle is another."""
    middle = len(content) // 2
    whole(handler, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def status(code):
    def reply(handler, _):
        handler.head(code, 0)

    return reply


def page(text):
    """A web page instead of the file."""

    def reply(handler, _):
        content = text.encode()
        handler.head(200, len(content), Content_Type="text/html; charset=utf-8")
        handler.body(content)

    return reply


def attached(handler, content):
    """As Google Drive gives a file after its questions."""
    handler.head(
        200,
        len(content),
        Content_Type="application/octet-stream",
        Content_Disposition='attachment; filename="x.zip"',
    )
    handler.body(content)
