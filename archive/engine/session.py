"""Opens a table and its lake for one run: clients, ownership, layout, and what has to hold before anything is touched."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from threading import Lock
from typing import Any, Final

from archive.aws import Clients, translated
from archive.codec.decode import PageDecoder
from archive.dynamo_read import Reader, TableFacts, describe
from archive.dynamo_write import PartiqlRemover, Remover, SingleRemover, Table
from archive.engine.consumed import ByProcess, Consumed, latest, total
from archive.engine.stopping import Brake, Used, cap_reached
from archive.errors import RefusedError, ServiceError, TransientServiceError
from archive.governor import Governor
from archive.lake.order import Order
from archive.lake.receipts import Receipts, Seen
from archive.model.backup import Backup
from archive.model.budget import Budget
from archive.model.config import Config
from archive.model.described_table import ttl_attribute
from archive.model.keys import LakeKeys
from archive.model.lake_record import LakeRecord
from archive.model.layout import Layout, Segment
from archive.model.prices import Prices, prices_of, region_of
from archive.model.receipt import Owner
from archive.model.spec import SPEC_VERSION
from archive.model.window import Window
from archive.purge.partiql import probe_types
from archive.s3 import LostRaceError, Store


@dataclass(frozen=True, slots=True)
class Timing:
    """How a run tells and passes time: `clock` gives monotonic seconds, `sleep` takes seconds."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]


_MOST_RACES: Final = 20
SYSTEM_TIMING = Timing(time.monotonic, time.sleep)


class Session:
    """One run's view of its table and lake. `open_lake` makes the lake's record where there is none."""

    def __init__(self, config: Config, run: str, timing: Timing = SYSTEM_TIMING, *, read_only: bool = False) -> None:
        """Make clients and describe the table; nothing is written yet, nor ever with `read_only`."""
        self.config, self.run, self.timing = config, run, timing
        source, limits = config.source, config.limits
        connections = limits.streams + limits.segments + limits.purge_requests + 4
        self.clients = Clients(source.region, config.roles.archiver, "archiver", connections, read_only=read_only)
        self._purger_clients: Clients | None = None
        self.facts: TableFacts = describe(self.clients.dynamodb, source)
        self.governor = Governor(Budget.of(limits, self.facts.warm), timing.clock, timing.sleep)
        self.reader = Reader(self.clients.dynamodb, source, self.governor)
        self.store = Store(self.clients.s3, config.lake.bucket)
        self.keys = LakeKeys.below(config.lake.prefix)
        self.order = Order(source.spec)
        self.owner = Owner(self.facts.arn, self.facts.table_id)
        self._lock = Lock()
        self.brake = Brake(self.store, self.keys, timing.clock)
        self.record = self._load()
        self.receipts = Receipts(self.store, self.keys, self.owner, self.record.former)

    def _load(self) -> LakeRecord:
        """Return the lake's record, or the one it would begin with."""
        lake, spec = self.config.lake, self.config.source.spec
        found = self.store.get(self.keys.archive)
        self.is_new_lake = found is None
        if found is None:
            return LakeRecord.new(self.owner, Layout.parse(self.config.source.earliest.date(), lake.partition, lake.segment), spec)
        record = LakeRecord.from_json(found[0], self.keys.archive)
        record.require(self.owner, spec)
        return record

    def open_lake(self) -> None:
        """Refuse a store that does not honour conditions; then begin the lake, or fit its layout to the settings."""
        self.store.require_conditions(self.keys.probe)
        lake = self.config.lake
        current = self.record.layouts.current
        wanted = Layout.parse(current.start, lake.partition, lake.segment)
        changed = (wanted.partition, wanted.segment) != (current.partition, current.segment)
        through = self._archived_through() if changed else None

        def opened(record: LakeRecord) -> LakeRecord:
            record = replace(record, spec_version=SPEC_VERSION)
            return record.with_layout(lake.partition, lake.segment, through) if changed else record

        self._change(opened, always=True)

    def listing(self, now: datetime) -> dict[Segment, Seen]:
        """List all that the lake has, objects and receipts by segment, oldest first: what every run mends before anything else."""
        earliest = self.config.source.earliest
        return self.receipts.listing(Window(earliest, now)) if earliest < now else {}

    def _archived_through(self) -> date | None:
        last: date | None = None
        for listed in self.store.list(self.keys.folder("messages")):
            segment = self.keys.segment_of(listed.key)
            if segment is not None:
                partition = self.record.layouts.at(segment.window.start).partition_of(segment.window.start)
                last = max(last or date.min, partition.end.date())
        return last

    def learn(self, names: Iterable[str]) -> None:
        """Add attribute names to those the archive knows, so that purges say they must be missing."""
        new = frozenset(names) - frozenset(self.config.source.spec.attributes)
        if new - self.record.attributes:
            self._change(lambda record: replace(record, attributes=record.attributes | new))

    def remember_backup(self, backup: Backup) -> None:
        """Note in the lake's record which backup was made before the first purge; the first that was noted stays."""
        self._change(lambda record: replace(record, backup=record.backup or backup))

    def known_attributes(self) -> frozenset[str]:
        """Return every attribute name that the spec or the archive knows."""
        names = set(self.config.source.spec.attributes) | self.record.attributes
        if version := self.config.source.version_attribute:
            names.add(version)
        ttl = frozenset({self.config.policy.ttl_attribute})
        # In mode expire it is ours, and a mark's condition names it itself. In delete it may be left from nights in expire.
        return frozenset(names - ttl if self.config.policy.purge == "expire" else names | ttl)

    def _change(self, change: Callable[[LakeRecord], LakeRecord], *, always: bool = False) -> None:
        """Change archive.json under compare-and-swap, from what it is by now.

        Raises TransientServiceError where others change it again and again.
        """
        with self._lock:
            for _ in range(_MOST_RACES):
                found = self.store.get(self.keys.archive)
                current = self.record if found is None else LakeRecord.from_json(found[0], self.keys.archive)
                current.require(self.owner, self.config.source.spec)
                changed = change(current)
                if found is not None and changed == current:
                    break
                if found is None and not always:
                    break
                try:
                    self.store.put(self.keys.archive, changed.to_json(), found[1].etag if found else None)
                except LostRaceError:
                    continue
                break
            else:
                message = f"{self.keys.archive} is changed by others again and again; run again when they are done"
                raise TransientServiceError(message)
            self.record = changed

    def consumed(self) -> ByProcess:
        """Return what this process has consumed in this run."""
        return {f"{platform.node()}:{os.getpid()}": Consumed(self.governor.figures(), self.store.requests)}

    def cap(self, messages: int, elsewhere: ByProcess) -> str | None:
        """Return which cap this run has reached after so many messages, or None; `elsewhere` is what its processes have told."""
        figures = total(latest(elsewhere, self.consumed()).values()).dynamodb
        used = Used(messages, figures.read_units, figures.write_units, self.brake.seconds)
        return cap_reached(self.config.limits, used, self.prices)

    @property
    def prices(self) -> Prices:
        """What the table's region asks for a table of its class, or what the settings say instead."""
        prices = prices_of(self.config.source.region or region_of(self.facts.arn), self.config.prices)
        return prices.of_class(infrequent=self.facts.infrequent)

    @property
    def named_modules(self) -> tuple[str, ...] | None:
        """The modules that the settings name, as text; None: they are discovered."""
        named = self.config.source.modules
        return None if named is None else tuple(map(str, named))

    def decoder(self) -> PageDecoder:
        """Return a decoder for one thread. In mode expire the TTL attribute is our own mark, not part of the message."""
        policy = self.config.policy
        return PageDecoder(self.config.source.spec, policy.ttl_attribute if policy.purge == "expire" else None)

    def decoder_of_ttl(self) -> PageDecoder:
        """Return a decoder that takes the TTL attribute for a mark in every mode, so that a status can look at it."""
        return PageDecoder(self.config.source.spec, self.config.policy.ttl_attribute)

    @property
    def purger_clients(self) -> Clients:
        """Clients with the purger's role, made when first needed."""
        if self._purger_clients is None:
            config = self.config
            self._purger_clients = Clients(
                config.source.region, config.roles.purger, "purger", config.limits.purge_requests * config.limits.segments + 4
            )
        return self._purger_clients

    @property
    def table(self) -> Table:
        """The table as its writers know it."""
        return Table(self.config.source.table, self.config.source.spec, self.facts.written)

    def removers(self) -> tuple[Remover, SingleRemover]:
        """Return the configured remover, and the single one that it and rescues fall back on."""
        client = self.purger_clients.dynamodb
        single = SingleRemover(client, self.table, self.governor)
        if self.config.policy.protocol == "single":
            return single, single
        return PartiqlRemover(client, self.table, self.governor, self.partiql_types()), single

    def partiql_types(self) -> frozenset[str]:
        """Return the types that this table's PartiQL compares: as the lake's record has them, else tried now and kept there."""
        types = self.record.partiql_types
        if types is None:
            types = found = probe_types(self.purger_clients.dynamodb, self.table, self.facts.key_types, self.governor, self.run)
            self._change(lambda record: replace(record, partiql_types=found))
        return types

    def require_purgeable(self) -> list[str]:
        """Refuse to remove anything where a promise could not be kept; return what is only a warning."""
        if self.config.policy.purge == "keep":
            return []
        if self.facts.replicas and not self.config.policy.single_writer:
            message = (
                f"table {self.config.source.table} is a global table: a removal here can outrun an edit in another region; "
                "set [policy] single_writer = true if only one region writes, or purge = 'keep'"
            )
            raise RefusedError(message)
        self._require_bucket()
        dynamodb = self.purger_clients.dynamodb
        warnings: list[str] = []
        if self.config.policy.purge == "expire":
            self._require_ttl(dynamodb)
        if (warning := _recovery_warning(dynamodb, self.config.source.table)) is not None:
            warnings.append(warning)
        return warnings

    def _require_bucket(self) -> None:
        if not self.store.is_versioned():
            message = (
                f"bucket {self.store.bucket} keeps no versions; switch versioning on before anything is removed, "
                "or set [policy] purge = 'keep'"
            )
            raise RefusedError(message)
        messages = self.keys.folder("messages")
        for rule in self.store.lifecycle_rules():
            if takes_away(rule, messages):
                message = (
                    f"bucket {self.store.bucket} has a lifecycle rule ({rule.get('ID', 'without id')}) that expires or freezes {messages}; "
                    "remove it, or set [policy] purge = 'keep'"
                )
                raise RefusedError(message)

    def _require_ttl(self, dynamodb: Any) -> None:  # noqa: ANN401 - a client
        policy = self.config.policy
        with translated("dynamodb:DescribeTimeToLive", f"table {self.config.source.table}"):
            about = dynamodb.describe_time_to_live(TableName=self.config.source.table)["TimeToLiveDescription"]
        if ttl_attribute(about) != policy.ttl_attribute:
            message = (
                f"table {self.config.source.table} has no TTL on {policy.ttl_attribute}, so that marked messages would never expire; "
                "enable it, or set [policy] ttl_attribute to the one it has"
            )
            raise RefusedError(message)


def takes_away(rule: dict[str, Any], messages: str) -> bool:
    """Say whether an enabled rule can expire current versions below `messages`, or move them where Athena cannot read."""
    condition = rule.get("Filter") or {}
    prefix = str(rule.get("Prefix") or condition.get("Prefix") or condition.get("And", {}).get("Prefix") or "")
    if not (prefix.startswith(messages) or messages.startswith(prefix)):
        return False
    expiration = rule.get("Expiration", {})
    frozen = {"GLACIER", "DEEP_ARCHIVE"}
    moves = [transition.get("StorageClass") for transition in rule.get("Transitions", [])]
    return "Days" in expiration or "Date" in expiration or any(move in frozen for move in moves)


def _recovery_warning(dynamodb: Any, table: str) -> str | None:  # noqa: ANN401 - a client
    """Return a warning where the table has no point-in-time recovery, or where that cannot be known."""
    try:
        with translated("dynamodb:DescribeContinuousBackups", f"table {table}"):
            about = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    except ServiceError as error:
        return f"whether table {table} has point-in-time recovery is not known: {error}"
    if about.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        return None
    return f"table {table} has no point-in-time recovery; switch it on before you purge"
