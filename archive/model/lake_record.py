"""The lake's own record, `archive.json`: whose it is, how its time was cut, and what was learned of its table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from archive.errors import InputError, LakeDamagedError, RefusedError
from archive.model.backup import Backup
from archive.model.layout import Layout, Layouts
from archive.model.receipt import Owner
from archive.model.spec import SPEC_VERSION, TableSpec
from archive.model.window import months_later


@dataclass(frozen=True, slots=True)
class LakeRecord:
    """What archive.json holds.

    `partiql_types` None: not tried yet on this table. `backup`: the one before the first purge. `former`: tables whose lake it was before.
    """

    owner: Owner
    layouts: Layouts
    columns: dict[str, list[str]]
    attributes: frozenset[str]
    partiql_types: frozenset[str] | None
    former: tuple[Owner, ...] = ()
    spec_version: int = SPEC_VERSION
    backup: Backup | None = None

    @classmethod
    def new(cls, owner: Owner, layout: Layout, spec: TableSpec) -> LakeRecord:
        """Make the record of a lake that is begun now."""
        return cls(owner, Layouts((layout,)), columns_of(spec), frozenset(), None)

    def to_json(self) -> bytes:
        """Return the record as JSON for people and programs."""
        layouts = [
            {"from": layout.start.isoformat(), "partition": layout.partition, "segment": layout.segment_text}
            for layout in self.layouts.items
        ]
        values = {
            "spec_version": self.spec_version,
            "owner": asdict(self.owner),
            "former_owners": [asdict(owner) for owner in self.former],
            "layouts": layouts,
            "columns": self.columns,
            "attributes": sorted(self.attributes),
            "partiql_types": None if self.partiql_types is None else sorted(self.partiql_types),
            "backup": None if self.backup is None else self.backup.to_dict(),
        }
        return json.dumps(values, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, key: str) -> LakeRecord:
        """Read the record.

        Raises LakeDamagedError where it is none, RefusedError where a later version of Dynalake has written to the lake.
        """
        try:
            values: dict[str, Any] = json.loads(data)
            layouts = tuple(
                Layout.parse(date.fromisoformat(item["from"]), item["partition"], item["segment"]) for item in values["layouts"]
            )
            types, backup = values["partiql_types"], values.get("backup")  # lakes from before there were backups have none
            return cls(
                owner=Owner(**values["owner"]),
                layouts=Layouts(layouts),
                columns=values["columns"],
                attributes=frozenset(values["attributes"]),
                partiql_types=None if types is None else frozenset(types),
                former=tuple(Owner(**owner) for owner in values.get("former_owners", ())),
                spec_version=_known_version(values["spec_version"], key),
                backup=None if backup is None else Backup.from_dict(backup),
            )
        except (ValueError, KeyError, TypeError, InputError) as error:
            message = f"{key} is not a readable lake record; restore its last version from the bucket's version history"
            raise LakeDamagedError(message) from error

    def require(self, owner: Owner, spec: TableSpec) -> None:
        """Refuse another table's lake, and other columns than the lake has."""
        if self.owner != owner:
            message = (
                f"this lake belongs to {self.owner.table_arn} ({self.owner.table_id}), not to {owner.table_arn} ({owner.table_id}); "
                "choose another [lake] prefix, or run `dynalake adopt` if the table was restored from a backup of the other one"
            )
            raise RefusedError(message)
        if self.columns != columns_of(spec):
            message = "the columns of the settings are not those this lake was begun with; keep them, or choose another [lake] prefix"
            raise RefusedError(message)

    def adopted_by(self, owner: Owner) -> LakeRecord:
        """Return the record of the same lake for another table: one without a backup yet, on which no PartiQL was tried."""
        if owner == self.owner:
            return self
        former = (*(one for one in self.former if one != owner), self.owner)
        return replace(self, owner=owner, former=former, partiql_types=None, backup=None)

    def with_layout(self, partition: str, segment: str, archived_through: date | None) -> LakeRecord:
        """Return the record with the layout the settings ask for: from the first partition on that has no segment yet.

        `archived_through` is the first day after the last partition that has one (None: the lake is empty).
        """
        first, current = self.layouts.items[0], self.layouts.current
        start = first.start if archived_through is None else archived_through
        wanted = Layout.parse(start, partition, segment)
        if (wanted.partition, wanted.segment) == (current.partition, current.segment):
            return self
        if archived_through is None:
            return replace(self, layouts=Layouts((wanted,)))
        earlier = tuple(layout for layout in self.layouts.items if layout.start < start)
        if not earlier:  # the first layout also holds for what is before its start, and must go on doing so
            earlier = (replace(first, start=start - timedelta(days=1)),)
        if "month" in (wanted.partition, earlier[-1].partition) and start.day != 1:
            wanted = replace(wanted, start=months_later(start))
        return replace(self, layouts=Layouts((*earlier, wanted)))


def _known_version(version: int, key: str) -> int:
    """Return a record's spec version; raises RefusedError where this program does not know it."""
    if version > SPEC_VERSION:
        message = (
            f"{key} was written by a later version of Dynalake (spec version {version}, this one knows {SPEC_VERSION}); "
            "install the version that the other machines have"
        )
        raise RefusedError(message)
    return version


def columns_of(spec: TableSpec) -> dict[str, list[str]]:
    """Return the columns as the record keeps them: name -> [attribute, type]."""
    return {column.name: [column.attribute, str(column.type)] for column in spec.columns}
