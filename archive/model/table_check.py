"""Judges the source table: what is missing of it, what that means, and what to do; a sentence for each part."""

from __future__ import annotations

from typing import Final

from archive.model.config import Policy
from archive.model.described_table import Described, Index, indexes_in, is_provisioned, made_at, wrong_index, wrong_keys
from archive.model.finding import Finding, Verdict
from archive.model.wanted_table import RECOVERY_DAYS, WantedIndex, WantedTable

_ADD: Final = "run `dynalake table add-indexes`"
_CREATE: Final = "run `dynalake table create`"
_HOURS_OLD: Final = "ItemCounts are up to six hours old"


def judge(described: Described, wanted: WantedTable, policy: Policy) -> list[Finding]:
    """Return a finding for each part of the table: `failed` where Dynalake cannot do what the settings say, `warning` for a risk."""
    there = indexes_in(described.table)
    return [
        _status(described),
        _keys(described, wanted),
        *(_index(described, index, wanted) for index in wanted.indexes),
        *(_other(index) for name, index in there.items() if name not in {one.name for one in wanted.indexes}),
        *(_count(described, index) for index in wanted.indexes if index.name in there),
        _ttl(described, wanted, policy),
        _recovery(described),
        _backups(described, policy),
        _protection(described),
        _billing(described),
        _replicas(described, policy),
        _stream(described, policy),
    ]


def _status(described: Described) -> Finding:
    status = str(described.table.get("TableStatus"))
    if status == "ACTIVE":
        return Finding("status", "ok", f"ACTIVE, about {described.table.get('ItemCount') or 0:,} items")
    if status == "UPDATING":
        return Finding("status", "warning", "is UPDATING: it answers, and cannot be changed further until it is ACTIVE; wait")
    return Finding("status", "failed", f"is {status}, not ACTIVE: nothing can be read or written; wait, then look again")


def _keys(described: Described, wanted: WantedTable) -> Finding:
    wrong = wrong_keys(described.table, wanted)
    return Finding("keys", "failed" if wrong else "ok", wrong or f"({wanted.keys[0]}, {wanted.keys[1]})")


def _index(described: Described, index: WantedIndex, wanted: WantedTable) -> Finding:
    what, bad = f"index {index.name}", _bad(index)
    found = indexes_in(described.table).get(index.name)
    if wrong := wrong_index(described.table, index, wanted):
        return Finding(what, bad, wrong)
    means = "nothing can be archived without it" if index.needed else f"messages cannot be read by {index.keys[0]} from the table"
    if found is None:
        return Finding(what, bad, f"is missing: {means}; {_ADD}")
    if found.status == "CREATING":
        phase = "its backfill is under way" if found.backfilling else "its backfill has not begun"
        return Finding(what, bad, f"is being made ({phase}): {means} until it is ACTIVE; {_ADD}, which waits for it")
    if found.status == "DELETING":
        return Finding(what, bad, f"is being deleted: {means}; when it is gone, {_ADD}")
    keys = f"({index.keys[0]}, {index.keys[1]}), projection {found.projection}, {found.status}"
    if found.projection != "ALL":
        return Finding(what, "warning", f"{keys}: each message is then read by its key, which costs a second read; make it anew with ALL")
    return Finding(what, "ok", keys)


def _bad(index: WantedIndex) -> Verdict:
    return "failed" if index.needed else "warning"


def _other(index: Index) -> Finding:
    keys = f"({index.keys[0]}, {index.keys[1] or 'no sort key'}), projection {index.projection}, {index.status}"
    return Finding(f"index {index.name}", "ok", f"{keys}: not one of the settings'; each write of a message that it holds pays for it")


def _count(described: Described, wanted: WantedIndex) -> Finding:
    """Hold an index's count against the table's: what has no such attribute, the index does not hold."""
    what = f"ItemCount of {wanted.name}"
    index = indexes_in(described.table)[wanted.name]
    items = described.table.get("ItemCount")
    if items is None or index.items is None:
        return Finding(what, "ok", "the server does not tell it")
    if index.status == "CREATING":
        return Finding(what, "ok", f"{index.items:,} of the table's {items:,}: the index is being made")
    missing = items - index.items
    if missing <= 0:
        more = f", and the table's is {items:,}: they were counted at different times" if missing else ", as the table's"
        return Finding(what, "ok", f"{index.items:,}{more}")
    counts = f"{index.items:,}, and the table's is {items:,}: about {missing:,} messages have no {wanted.keys[0]} ({_HOURS_OLD})"
    if wanted.needed:
        return Finding(what, "warning", f"{counts}, so that nightly runs do not see them; archive them with `dynalake sweep`")
    return Finding(what, "ok", f"{counts} and are not in this index")


def _ttl(described: Described, wanted: WantedTable, policy: Policy) -> Finding:
    bad: Verdict = "failed" if policy.purge == "expire" else "warning"
    on = described.ttl_attribute
    if isinstance(described.ttl, str):
        return Finding("TTL", bad, f"is not known: {described.ttl}")
    if on == wanted.ttl:
        return Finding("TTL", "ok", f"on {on}")
    if on is not None:
        text = (
            f"is on {on}, not on {wanted.ttl}: items go by a mark that Dynalake does not know; set [policy] ttl_attribute to the one it has"
        )
    elif described.ttl.get("TimeToLiveStatus") == "DISABLING":
        text = f"is being switched off: wait an hour, then {_CREATE}"
    elif policy.purge == "expire":
        text = f"is off: marked messages would never expire; {_CREATE}"
    elif policy.purge == "keep":
        text = f"is off, and purge is keep: nothing ever leaves the table; {_CREATE}, or set [policy] purge"
    else:
        return Finding("TTL", "ok", "is off, and purge = delete needs none")
    return Finding("TTL", bad, text)


def _recovery(described: Described) -> Finding:
    what = "point-in-time recovery"
    if isinstance(described.recovery, str):
        return Finding(what, "warning", f"is not known: {described.recovery}")
    days = described.recovery_days
    if days is None:
        return Finding(what, "warning", f"is off: a mistaken write or purge cannot be taken back to the second before it; {_CREATE}")
    if days < RECOVERY_DAYS:
        return Finding(what, "warning", f"reaches back {days} days, and could reach back {RECOVERY_DAYS}; {_CREATE}")
    return Finding(what, "ok", f"reaches back {days} days")


def _backups(described: Described, policy: Policy) -> Finding:
    if isinstance(described.backups, str):
        return Finding("backups", "warning", f"are not known: {described.backups}")
    newest = described.newest_backup
    if newest is not None:
        return Finding("backups", "ok", f"the newest is {newest['BackupName']} of {made_at(newest):%Y-%m-%d}, {newest['BackupStatus']}")
    if policy.purge == "keep":
        return Finding("backups", "ok", "there is none, and nothing is purged; make one before larger changes")
    if policy.backup_before_first_purge:
        return Finding("backups", "ok", "there is none; the first purge makes one")
    return Finding("backups", "warning", "there is none, and the first purge makes none: set [policy] backup_before_first_purge = true")


def _protection(described: Described) -> Finding:
    if described.table.get("DeletionProtectionEnabled"):
        return Finding("deletion protection", "ok", "on")
    return Finding("deletion protection", "warning", f"is off: one call deletes the table and all that is not archived yet; {_CREATE}")


def _billing(described: Described) -> Finding:
    if not is_provisioned(described.table):
        return Finding("billing", "ok", "on demand")
    units = described.table.get("ProvisionedThroughput") or {}
    told = f"{units.get('ReadCapacityUnits', 0):,} read and {units.get('WriteCapacityUnits', 0):,} write units a second"
    return Finding("billing", "ok", f"provisioned, {told}: keep the units of [limits] well below what the table and its indexes have")


def _replicas(described: Described, policy: Policy) -> Finding:
    replicas = described.table.get("Replicas") or ()
    if not replicas:
        return Finding("replicas", "ok", "none")
    regions = ", ".join(str(replica.get("RegionName")) for replica in replicas)
    if policy.purge == "keep" or policy.single_writer:
        return Finding("replicas", "ok", f"in {regions}: each removal is paid for in each region")
    text = f"in {regions}: a removal here can outrun an edit there; set [policy] single_writer = true if only one region writes"
    return Finding("replicas", "failed", text)


def _stream(described: Described, policy: Policy) -> Finding:
    stream = described.table.get("StreamSpecification") or {}
    if not stream.get("StreamEnabled"):
        return Finding("stream", "ok", "none")
    if policy.purge == "keep":
        return Finding("stream", "ok", f"on ({stream.get('StreamViewType')})")
    text = f"is on ({stream.get('StreamViewType')}): its readers see every removal of a purge; make sure that they leave those alone"
    return Finding("stream", "warning", text)
