"""A loopback HTTP server of one file that can misbehave in the ways that servers do."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served and how; tests change it between and during downloads.

    ``faults`` are taken one a request, in order: ``"cut:N"`` ends the connection after N bytes,
    ``"status:N"`` answers with that status; an empty list, or ``""``, serves the file.
    """

    content: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = None
    faults: list[str] = field(default_factory=list)
    ranges: bool = True
    length: bool = True  # announce Content-Length
    encoding: str | None = None
    redirect: str | None = None
    wrong_offset: bool = False
    url: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)

    def served_ranges(self) -> list[str]:
        return [request.get("Range", "") for request in self.requests]


def handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            server.requests.append(dict(self.headers.items()))
            fault = server.faults.pop(0) if server.faults else ""
            if fault.startswith("status:"):
                self.send_error(int(fault[7:]))
                return
            if server.redirect is not None and self.path == "/file":
                self.send_response(302)
                self.send_header("Location", server.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = self.start_of_range()
            if start and start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = server.content[start:]
            self.send_response(206 if start else 200)
            if start:
                shown = start + 1 if server.wrong_offset else start
                size = len(server.content)
                self.send_header("Content-Range", f"bytes {shown}-{size - 1}/{size}")
            for name, value in (
                ("ETag", server.etag),
                ("Last-Modified", server.last_modified),
                ("Content-Encoding", server.encoding),
                ("Content-Length", str(len(body)) if server.length else None),
            ):
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: int(fault[4:])] if fault.startswith("cut:") else body)

        def start_of_range(self) -> int:
            asked = self.headers.get("Range", "")
            valid = self.headers.get("If-Range") in (None, server.etag, server.last_modified)
            if not (server.ranges and asked and valid):
                return 0
            return int(asked.removeprefix("bytes=").split("-")[0])

    return Handler


@contextlib.contextmanager
def serve(content: bytes) -> Iterator[FileServer]:
    """Serve ``content`` at ``<url>`` until the block ends."""
    server = FileServer(content)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    http.daemon_threads = False  # closing waits for them, so that no test leaves one behind
    server.url = f"http://127.0.0.1:{http.server_address[1]}/file"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
