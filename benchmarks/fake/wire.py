"""Speaks as much of HTTP/1.1 as botocore and pyarrow need, one thread a connection, and sends large bodies without copying them."""

from __future__ import annotations

import socketserver
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from benchmarks.fake.answer import Answer, Request

Respond = Callable[[Request], Answer]
_SMALL: Final = 2**16


class Server(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, respond: Respond) -> None:
        """Answer each request with what `respond` says."""
        self.respond = respond
        super().__init__(("127.0.0.1", port), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    rbufsize = 2**18

    def handle(self) -> None:
        """Answer requests until the client closes."""
        while (request := self._read()) is not None:
            server: Any = self.server
            self._send(request, server.respond(request))

    def _read(self) -> Request | None:
        line = self.rfile.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := self.rfile.readline().rstrip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        if "100-continue" in headers.get("expect", ""):
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        return Request(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)

    def _send(self, request: Request, answer: Answer) -> None:
        body = answer.body
        first, length = answer.part or (0, 0 if isinstance(body, Path) else len(body))
        headers = {"Content-Length": str(length), **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{lines}\r\n".encode("latin-1")
        if request.method == "HEAD":
            self.request.sendall(head)
        elif isinstance(body, Path):
            self.request.sendall(head)
            if length:
                with body.open("rb") as file:
                    self.request.sendfile(file, first, length)
        elif length < _SMALL:
            self.request.sendall(head + body)
        else:
            self.request.sendall(head)
            self.request.sendall(body)
