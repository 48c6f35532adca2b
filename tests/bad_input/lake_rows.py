"""Rows of docs/errors.md: the bucket, the lake's objects, and the local disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.bad_input.injected import asked
from tests.bad_input.row import After, Given, Row, World, both, settings
from tests.bad_input.world import WINDOW, item
from tests.integration.sites import Site, put
from tests.servers import create_chat_messages

_PAUSE: Final = 0.05
_NIGHTLY: Final = ("nightly", "--yes")
_BACKFILL: Final = ("backfill", *WINDOW, "--yes")
_PURGE: Final = ("purge", *WINDOW, "--yes")
_RESTORE: Final = ("restore", "--module", "5", "--yes")
_DELETE: Final = settings(policy={"purge": "delete"})
_KEEPS_MODULE_5: Final = ("restore", "--module", "5", "--until", "2090-01-01", "--yes")


def _versioning(status: str) -> Given:
    def switch(world: World) -> World:
        world.site.lake.client.put_bucket_versioning(Bucket=world.site.bucket, VersioningConfiguration={"Status": status})  # type: ignore[typeddict-item]
        return world

    return switch


def _lifecycle(**rule: Any) -> Given:  # noqa: ANN401 - S3's own
    def add(world: World) -> World:
        rules: Any = {"Rules": [{"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]}
        world.site.lake.client.put_bucket_lifecycle_configuration(Bucket=world.site.bucket, LifecycleConfiguration=rules)
        return world

    return add


def _another_table(world: World) -> World:
    name = f"{world.site.table}Another"
    create_chat_messages(world.site.servers.dynamodb.dynamodb(), name)
    return world.having(source={"table": name})


def _ran(*words: str, **sections: Any) -> Given:  # noqa: ANN401 - settings
    """Return what runs a command beforehand."""

    def run(world: World) -> World:
        world.having(**sections).run(*words).done()
        return world

    return run


def purged(world: World) -> World:
    """Archive and purge everything, and keep the run's name."""
    run: str = world.having(policy={"purge": "delete"}).run(*_NIGHTLY, "--json").done().json()["run"]
    return replace(world, names={"run": run})


def _late(world: World) -> World:
    put(world.site.servers.dynamodb.dynamodb(), world.site.table, [item(9)])
    return world


def _changed(family: str, change: Callable[[bytes], bytes] | None) -> Given:
    """Return what changes the first object of a family, as somebody else might: its bytes, or (None) its being there."""

    def alter(world: World) -> World:
        site: Site = world.site
        key = f"{site.prefix}/{site.lake.keys(family)[0]}" if "." not in family else f"{site.prefix}/{family}"
        client, bucket = site.lake.client, site.bucket
        found = client.get_object(Bucket=bucket, Key=key)
        body, metadata = found["Body"].read(), found["Metadata"]
        modified = found["LastModified"]
        while datetime.now(UTC) - modified < timedelta(seconds=1):  # S3's times have whole seconds
            time.sleep(_PAUSE)
        if change is None:
            client.delete_object(Bucket=bucket, Key=key)
        else:
            client.put_object(Bucket=bucket, Key=key, Body=change(body), Metadata=metadata)
        return world

    return alter


def _stranger(family: str, name: str) -> Given:
    """Return what puts an object that is not Dynalake's."""

    def add(world: World) -> World:
        world.site.lake.client.put_object(Bucket=world.site.bucket, Key=f"{world.site.prefix}/{family}/{name}", Body=b"not ours")
        return world

    return add


def _unwritable(world: World) -> World:
    path = world.folder / "file"
    path.touch()
    return world.having(lake={"spool_directory": str(path / "spool")})


def _flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


_GARBAGE: Final = lambda _: b"garbage"  # noqa: E731
_COLUMNS: Final = [
    {"attribute": attribute, "column": column, "type": kind}
    for attribute, column, kind in (("conversationId", "a", "string"), ("timestamp", "b", "timestamp"), ("moduleId", "c", "int64"))
]

LAKE: Final = [
    Row("a bucket that is not there", ("plan",), "the bucket of s3://nobody-has-this-one/lake/archive.json does not exist (s3:GetObject); correct [lake] bucket, or create it", 2, settings(lake={"bucket": "nobody-has-this-one"})),
    Row("another table's lake", _NIGHTLY, "this lake belongs to … (…), not to … (…); choose another [lake] prefix, or run `dynalake adopt` if the table was restored from a backup of the other one", 3, _another_table, archived=True),
    Row("a lake that a later version has written to", _NIGHTLY, "…archive.json was written by a later version of Dynalake (spec version 2, this one knows 1); install the version that the other machines have", 3, _changed("archive.json", lambda data: data.replace(b'"spec_version": 1', b'"spec_version": 2')), archived=True),
    Row("a lake that is adopted, and nobody agreed", ("adopt",), "nothing was changed: nobody agreed; look at both tables above, then give --yes", 3, _another_table, archived=True),
    Row("no lake to adopt", ("adopt",), "there is no lake at s3://…/…; set [lake] bucket and prefix to the one to be adopted", 2),
    Row("other columns than the lake was begun with", _NIGHTLY, "the columns of the settings are not those this lake was begun with; keep them, or choose another [lake] prefix", 3, settings(source={"columns": _COLUMNS}), archived=True),
    Row("a bucket that keeps no versions", _NIGHTLY, "bucket … keeps no versions; switch versioning on before anything is removed, or set [policy] purge = 'keep'", 3, both(_versioning("Suspended"), _DELETE)),
    Row("a lifecycle rule that expires segments", _NIGHTLY, "bucket … has a lifecycle rule (tidy) that expires or freezes lake/messages/; remove it, or set [policy] purge = 'keep'", 3, both(_lifecycle(Expiration={"Days": 30}), _DELETE)),
    Row("one that freezes them", _NIGHTLY, "bucket … has a lifecycle rule (tidy) that expires or freezes lake/messages/; remove it, or set [policy] purge = 'keep'", 3, both(_lifecycle(Transitions=[{"Days": 30, "StorageClass": "GLACIER"}]), _DELETE)),
    Row("a server that ignores If-None-Match", _NIGHTLY, "the first run's checks failed (lake: list, conditional PUT, GET): bucket … takes conditional writes without honouring them (its server is no full S3 there); use another", 3, meanwhile=asked("PutObject", IfNoneMatch=None)),
    Row("a server that ignores If-Match", _NIGHTLY, "the first run's checks failed (lake: list, conditional PUT, GET): bucket … takes conditional writes without honouring them (its server is no full S3 there); use another", 3, meanwhile=asked("PutObject", IfMatch=None)),
    Row("the stop sign is up", _NIGHTLY, "the lake's stop sign is up; take it down with `dynalake resume`", 7, _ran("stop"), after=After.NOT_MOVED),
]  # fmt: skip

OBJECTS: Final = [
    Row("`archive.json` is damaged", ("plan",), "lake/archive.json is not a readable lake record; restore its last version from the bucket's version history", 4, _changed("archive.json", _GARBAGE), archived=True),
    Row("a receipt is damaged", _BACKFILL, "lake/receipts/… is not a readable receipt; delete it, and the next run makes it anew from the segment itself", 4, both(_changed("receipts", _GARBAGE), _late), archived=True, after=After.NOT_MOVED),
    Row("a receipt is damaged, for `purge`", _PURGE, "lake/receipts/… is not a readable receipt; delete it, and the next run makes it anew from the segment itself", 4, both(_changed("receipts", _GARBAGE), _DELETE), archived=True, after=After.OTHERS),
    Row("a receipt is gone", _NIGHTLY, "Done: ", 0, _changed("receipts", None), archived=True, after=After.ARCHIVED),
    Row("a segment is gone", _NIGHTLY, "the object of receipt lake/receipts/… is gone; it is not made anew: restore it from the bucket's version history", 4, _changed("messages", None), archived=True, after=After.NOT_MOVED),
    Row("a segment is gone, for `purge`", _PURGE, "the object of receipt lake/receipts/… is gone; it is not made anew: restore it from the bucket's version history", 4, both(_changed("messages", None), _DELETE), archived=True, after=After.OTHERS),
    Row("a segment has other bytes", _PURGE, "lake/messages/… is not the version that its receipt names; restore that one from the bucket's version history", 4, both(_changed("messages", _flipped), _DELETE), archived=True, after=After.OTHERS),
    Row("a segment is no Parquet", _BACKFILL, "segment 20240115T0000Z-20240116T0000Z is not readable Parquet; restore its last version from the bucket's version history", 4, both(_changed("messages", _GARBAGE), _late), archived=True, after=After.NOT_MOVED),
    Row("a segment is no Parquet, for `purge`", _PURGE, "segment 20240115T0000Z-20240116T0000Z is not readable Parquet; restore its last version from the bucket's version history", 4, both(_changed("messages", _GARBAGE), _DELETE), archived=True, after=After.OTHERS),
    Row("a segment is no Parquet, for `restore`", _RESTORE, "segment 20240115T0000Z-20240116T0000Z is not readable Parquet; restore its last version from the bucket's version history", 4, both(purged, _changed("messages", _GARBAGE)), after=After.OTHERS),
    Row("a segment that somebody else made", _NIGHTLY, "segment 20240115T0000Z-20240116T0000Z is not readable Parquet; restore its last version from the bucket's version history", 4, _stranger("messages", "dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet"), after=After.ARCHIVED),
    Row("an object of another name below `messages/`", _NIGHTLY, "Done: ", 0, _stranger("messages", "dt=2024-01-15/notes.txt"), after=After.ARCHIVED),
    Row("a hold is damaged", _NIGHTLY, "lake/holds/… is not a readable hold; restore it from the bucket's version history, or remove it if nothing is to be held", 4, both(_ran(*_KEEPS_MODULE_5), _changed("holds", _GARBAGE)), archived=True),
    Row("a purge's record is damaged", ("restore", "--run", "{run}"), "lake/purges/… is not a readable purge record; restore it from the bucket's version history", 4, both(purged, _changed("purges", _GARBAGE))),
]  # fmt: skip

DISK: Final = [
    Row("a spool directory that cannot be made", _NIGHTLY, "the first run's checks failed (spool): the spool directory … cannot be used (Not a directory); set [lake] spool_directory", 3, _unwritable),
    Row("the same, in a lake that is there", _NIGHTLY, "the spool directory … cannot be used (Not a directory); set [lake] spool_directory", 2, both(_unwritable, _late), archived=True, after=After.NOT_MOVED),
    Row("a spool too small for one segment", _NIGHTLY, 'the spool is full: 200 bytes do not hold segment … and what was read with it; raise [lake] spool_size, or set [lake] segment = "12h"', 6, settings(lake={"spool_size": 200}), after=After.NOT_MOVED),
]  # fmt: skip
