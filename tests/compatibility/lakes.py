"""Lakes as each spec version left them, byte for byte: written once, when the version is new, and only read from then on.

`python -m tests.compatibility.lakes` writes that of today's version, where there is none yet. A folder has `items.jsonl` (the messages, as
DynamoDB has them), `objects.json` (each object's S3 metadata, by key below the lake's prefix), and the objects themselves.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from archive.model.spec import SPEC_VERSION
from tests import servers
from tests.integration import nasty
from tests.integration.items import Wire
from tests.integration.sites import Servers, Site, put

HERE: Final = Path(__file__).parent
TABLE: Final = "Compatibility"
FROM, TO = "2024-03-01", "2024-03-04"
_FROM_MS, _TO_MS = 1_709_251_200_000, 1_709_510_400_000


@dataclass(frozen=True, slots=True)
class FrozenLake:
    """One of them."""

    folder: Path

    @property
    def items(self) -> list[Wire]:
        """The messages that were archived."""
        return [json.loads(line, object_hook=_from_json) for line in (self.folder / "items.jsonl").read_text().splitlines()]

    def objects(self) -> Iterator[tuple[str, bytes, dict[str, str]]]:
        """Yield each object's key below the lake's prefix, bytes and metadata."""
        for key, metadata in json.loads((self.folder / "objects.json").read_text()).items():
            yield key, (self.folder / key).read_bytes(), metadata


def frozen_lakes() -> list[FrozenLake]:
    """Return them, oldest first."""
    return [FrozenLake(folder) for folder in sorted(HERE.glob("spec-*"))]


def write(folder: Path, server: servers.Server) -> None:
    """Archive and purge made-up messages of three days, and keep what is in the lake then."""
    items = list(_messages())
    client = server.dynamodb()
    put(client, servers.create_chat_messages(client, TABLE), items)
    with tempfile.TemporaryDirectory() as scratch:
        site = Site.new(Servers(server, server, server), Path(scratch), table=TABLE)
        purging = site.with_settings(policy={"purge": "delete", "protocol": "single"})
        purging.run("backfill", "--from", FROM, "--to", TO, "--yes").done()
        stored = {"archive.json": site.lake.get("archive.json")}
        for family in ("messages", "receipts", "purges", "runs"):
            stored |= site.lake.all(family)
    for key, one in stored.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.body)
    (folder / "objects.json").write_text(json.dumps({key: dict(one.metadata) for key, one in stored.items()}, indent=1) + "\n")
    (folder / "items.jsonl").write_text("".join(json.dumps(item, default=_to_json) + "\n" for item in items))


def _messages() -> Iterator[Wire]:
    """Yield three days' made-up messages, without the one thing in them that moto gives back otherwise: a member without a name."""
    for item in nasty.messages(odd_modules=False):
        if "moduleId" in item and _FROM_MS <= Decimal(item["timestamp"]["N"]) < _TO_MS:
            members = item.get("map", {}).get("M")
            yield item if members is None else {**item, "map": {"M": {name: value for name, value in members.items() if name}}}


def _to_json(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}


def _from_json(value: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON holds
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value


def _main(arguments: Iterable[str]) -> None:
    folder = HERE / f"spec-{SPEC_VERSION}"
    if list(arguments) or folder.exists():
        sys.exit(f"usage: python -m tests.compatibility.lakes; {folder} must not be there: a released lake is not written again")
    with servers.moto() as server:
        write(folder, server)


if __name__ == "__main__":
    _main(sys.argv[1:])
