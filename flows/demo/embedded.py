"""The embedded default: an account of its own inside the process (moto), and settings that point everything at it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from moto.server import ThreadedMotoServer
from rich.console import Console

from archive.aws import Clients

_REGION: Final = "us-east-1"
_BUCKET: Final = "dynalake-demo"
_RETENTION_DAYS: Final = "10"
_CONNECTIONS: Final = 10


@contextmanager
def embedded(console: Console) -> Iterator[Clients]:
    """Start moto on a free port of this machine, point botocore and the settings at it, and undo all that at the end.

    moto crashes on PartiQL DELETE, so the protocol is single conditional calls.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="dynalake-demo-") as folder:
        for name in [name for name in os.environ if name.startswith(("AWS_", "DYNALAKE_"))]:
            del os.environ[name]
        os.environ.update(_environment(f"http://{host}:{port}", Path(folder)))
        try:
            clients = Clients(_REGION, None, "archiver", _CONNECTIONS)
            clients.s3.create_bucket(Bucket=_BUCKET)
            clients.s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
            console.print("Started an embedded DynamoDB, S3 and Glue (moto) in this process; purging by single conditional calls.")
            yield clients
        finally:
            os.environ.clear()
            os.environ.update(before)
            server.stop()


def _environment(endpoint: str, folder: Path) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": _REGION,
        "DYNALAKE_SOURCE__REGION": _REGION,
        "DYNALAKE_LAKE__BUCKET": _BUCKET,
        "DYNALAKE_LAKE__SPOOL_DIRECTORY": str(folder / "spool"),
        "DYNALAKE_POLICY__RETENTION_DAYS": _RETENTION_DAYS,
        "DYNALAKE_POLICY__PURGE": "delete",
        "DYNALAKE_POLICY__PROTOCOL": "single",
        # Nobody would restore it, and the minute that a backup needs is longer than the demo.
        "DYNALAKE_POLICY__BACKUP_BEFORE_FIRST_PURGE": "false",
        "DYNALAKE_REPORT__NIGHTLY": "false",  # drawing takes longer than the nights
        # Prefect's database and settings of this demo only: nothing of yours is read or changed.
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
