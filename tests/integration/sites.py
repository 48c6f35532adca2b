"""A table and a lake of a test's own, on the servers that stand in for AWS, and the command line pointed at them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.integration.command import Outcome, invoke
from tests.integration.items import Message, Wire, message_of
from tests.integration.lake import Lake
from tests.servers import CREDENTIALS, TABLE, Server

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

Settings = Mapping[str, Mapping[str, Any]]
_NUMBERS: Final = count(1)
# The emulators' own speed is the limit here.
FAST: Final = dict.fromkeys(("read_units", "write_units", "partition_read_units", "partition_write_units"), 1e9)
_A_BATCH: Final = 25
_PATIENCE: Final = 60.0


@lru_cache
def _s3(server: Server) -> S3Client:
    """Return this process's client: making one takes longer than most calls."""
    return server.s3()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where DynamoDB, S3 and everything else (Glue) are."""

    dynamodb: Server
    s3: Server
    rest: Server

    def environment(self) -> dict[str, str]:
        """Return botocore's own variables for them."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.rest.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.endpoint,
            "AWS_ENDPOINT_URL_S3": self.s3.endpoint,
        }


@dataclass(frozen=True, slots=True)
class Site:
    """A table and a lake, and the settings that name them. Picklable: a site can be used from another process."""

    servers: Servers
    folder: Path
    settings: Settings

    @classmethod
    def new(cls, servers: Servers, folder: Path, *, versioned: bool = True, table: str = TABLE) -> Site:
        """Make a bucket and the settings; the table is the caller's to create. Runs do without Prefect."""
        name = f"lake-{time.time_ns()}-{next(_NUMBERS)}"
        client = _s3(servers.s3)
        client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        settings: Settings = {
            "source": {"table": table, "region": CREDENTIALS["AWS_DEFAULT_REGION"]},
            "lake": {"bucket": name, "prefix": "lake", "spool_directory": str(folder / "spool")},
            "policy": {"backup_before_first_purge": False},  # a backup takes a minute; tests/flows/test_first_purge.py has it on
            "limits": FAST,
            "athena": {"database": name.replace("-", "_")},
            "run": {"prefect": False},
            "report": {"nightly": False},
        }
        return cls(servers, folder, settings)

    def with_settings(self, **sections: Mapping[str, Any]) -> Site:
        """Return the site with other settings in some sections."""
        changed = {name: {**self.settings.get(name, {}), **values} for name, values in sections.items()}
        return replace(self, settings={**self.settings, **changed})

    @property
    def bucket(self) -> str:
        """The lake's bucket."""
        return str(self.settings["lake"]["bucket"])

    @property
    def table(self) -> str:
        """The source table."""
        return str(self.settings["source"]["table"])

    @property
    def prefix(self) -> str:
        """The lake's prefix in its bucket."""
        return str(self.settings["lake"]["prefix"])

    @property
    def lake(self) -> Lake:
        """The lake, seen from outside."""
        return Lake(_s3(self.servers.s3), self.bucket, self.prefix)

    def config(self) -> Path:
        """Write the settings file, and return its path."""
        path = self.folder / f"dynalake-{next(_NUMBERS)}.toml"
        path.write_text(toml(self.settings), encoding="utf-8")
        return path

    def run(self, *arguments: str) -> Outcome:
        """Run a command on this site."""
        return invoke([*arguments, "--config", str(self.config())], self.servers.environment())

    def left(self) -> list[Message]:
        """Return every message that is in the table."""
        pages = self.servers.dynamodb.dynamodb().get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [message_of(item) for page in pages for item in page["Items"]]


NewSite = Callable[..., Site]
"""`new_site(servers, versioned=...)` makes a bucket, settings, and the name of a table that is not there yet."""


def toml(settings: Settings) -> str:
    """Write settings as TOML: texts, numbers, flags, lists of them, and [[source.columns]]."""
    lines: list[str] = []
    for section, values in settings.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items() if name != "columns"]
        for column in values.get("columns", ()):
            lines += [f"[[{section}.columns]]", *(f"{name} = {json.dumps(value)}" for name, value in column.items())]
    return "\n".join(lines) + "\n"


def put(client: DynamoDBClient, table: str, items: Iterable[Wire]) -> None:
    """Put items into a table, 25 a call."""
    waiting = iter(items)
    while batch := list(islice(waiting, _A_BATCH)):
        requests: Any = [{"PutRequest": {"Item": item}} for item in batch]
        deadline = time.monotonic() + _PATIENCE
        while requests:
            assert time.monotonic() < deadline, "the server goes on refusing to take items"
            requests = client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"].get(table, [])


def create(client: DynamoDBClient, table: str, keys: Mapping[str, str], index: str, projection: Mapping[str, Any]) -> None:
    """Create a table with one index. `keys` are the (partition, time, module) attributes in this order, with their types."""
    partition, moment, module = keys
    definitions: Any = [{"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()]
    schema: Any = [{"AttributeName": module, "KeyType": "HASH"}, {"AttributeName": moment, "KeyType": "RANGE"}]
    chosen: Any = projection
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": moment, "KeyType": "RANGE"}],
        AttributeDefinitions=definitions,
        GlobalSecondaryIndexes=[{"IndexName": index, "KeySchema": schema, "Projection": chosen}],
        BillingMode="PAY_PER_REQUEST",
    )
