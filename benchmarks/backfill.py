"""Measures the backfill of a file of messages, end to end, over HTTP: seconds, peak memory, requests, units, bytes, objects.

The servers share the machine's cores with the archiver, so seconds say more about them than about us; requests, bytes
and peak memory do not depend on that. MiniStack counts one write unit a PartiQL statement, whatever its size.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import servers

_RUN = (
    "import json, resource, sys; from flows.cli import app; "
    "code = app(sys.argv[1:], standalone_mode=False); "
    "sys.stderr.write(json.dumps({'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}) + chr(10))"
)


def measure(server: str, data: Path) -> dict[str, Any]:
    """Load the file into a fresh table, backfill it all and once more, and return what the runs' records say.

    dynalite (modules discovered, purge = keep) or ministack (modules named, purge = delete by PartiQL).
    """
    with servers.moto() as aws, servers.dynalite() if server == "dynalite" else servers.ministack() as table:
        servers.create_chat_messages(table.dynamodb())
        lake = aws if server == "dynalite" else table
        lake.s3().create_bucket(Bucket="lake")
        lake.s3().put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        with tempfile.TemporaryDirectory() as spool:
            environment = {
                **os.environ,
                **servers.CREDENTIALS,
                "AWS_DEFAULT_REGION": servers.REGION,
                "AWS_ENDPOINT_URL": aws.endpoint,
                "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
                "AWS_ENDPOINT_URL_S3": lake.endpoint,
                "DYNALAKE_LAKE__BUCKET": "lake",
                "DYNALAKE_LAKE__SPOOL_DIRECTORY": spool,
                "DYNALAKE_RUN__PREFECT": "false",
                "DYNALAKE_POLICY__PURGE": "keep" if server == "dynalite" else "delete",
            }
            if server == "ministack":
                environment["DYNALAKE_SOURCE__MODULES"] = json.dumps(_modules(data))
            _dynalake(environment, "load", str(data), "--yes", "--json")
            window = ("--from", "2023-01-01", "--to", "2026-01-01")
            first, peak = _dynalake(environment, "backfill", *window, "--yes", "--json")
            again, _ = _dynalake(environment, "backfill", *window, "--yes", "--json")
    names = ("messages_added", "segments_stored", "bytes_stored", "messages_removed", "read_units", "write_units")
    counts = {name: first[name] for name in (*names, "dynamodb_requests", "s3_requests", "seconds")}
    repeated = {"again_seconds": again["seconds"], "again_stored": again["segments_stored"], "again_removed": again["messages_removed"]}
    return {"server": server, **counts, "peak_mb": round(peak / 1024), **repeated}


def _modules(data: Path) -> list[int]:
    with gzip.open(data, "rt") as lines:
        return sorted({int(json.loads(line)["moduleId"]) for line in lines})


def _dynalake(environment: dict[str, str], *arguments: str) -> tuple[dict[str, Any], int]:
    """Run one command in a process of its own; return its JSON and its peak memory in KB."""
    done = subprocess.run([sys.executable, "-c", _RUN, *arguments], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), int(json.loads(done.stderr.strip().splitlines()[-1])["peak"])
