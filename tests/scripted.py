"""An HTTP server that gives the answers a test wrote down, one a request, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from zlib import crc32

import boto3
from botocore.config import Config

from tests.servers import CREDENTIALS, REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its body, its status, and whether the checksum that DynamoDB sends with it is right."""

    body: bytes
    status: int = 200
    right: bool = True


@dataclass(slots=True)
class Scripted:
    """The server's address, and the requests it has had."""

    endpoint: str
    requests: list[dict[str, Any]] = field(default_factory=list)

    def dynamodb(self, attempts: int) -> DynamoDBClient:
        """Make a DynamoDB client that tries so many times."""
        return boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        )


@contextmanager
def scripted(answers: Sequence[Answer]) -> Iterator[Scripted]:
    """Answer request by request; one too many fails, and so does one too few."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(json.loads(asked))
            answer = left.pop(0) if left else Answer(b'{"__type": "NoMoreAnswersException"}', 400)
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("x-amz-crc32", str(crc32(answer.body) ^ (not answer.right)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Scripted(f"http://127.0.0.1:{http.server_port}")
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
            assert not left, f"{len(left)} answers were not asked for"
        finally:
            http.shutdown()
            thread.join()
