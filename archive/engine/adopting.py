"""Gives a lake to another table: one that was restored from a backup of the lake's table, and so has another TableId."""

from __future__ import annotations

from dataclasses import dataclass

from archive.aws import Clients
from archive.dynamo_read import describe
from archive.errors import InputError, TransientServiceError
from archive.model.config import Config
from archive.model.keys import LakeKeys
from archive.model.lake_record import LakeRecord
from archive.model.receipt import Owner
from archive.s3 import LostRaceError, Store

_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class Adoption:
    """A lake's record, the ETag it was read with, and the table of the settings, which is to own the lake."""

    store: Store
    key: str
    record: LakeRecord
    etag: str
    table: Owner

    @property
    def needed(self) -> bool:
        """Say whether the lake is not this table's already."""
        return self.record.owner != self.table

    def adopt(self) -> None:
        """Make the table the lake's owner; raises TransientServiceError where the record was changed since it was read."""
        try:
            self.store.put(self.key, self.record.adopted_by(self.table).to_json(), self.etag)
        except LostRaceError as error:
            message = f"{self.key} was changed by another run just now; run `dynalake adopt` again when that is done"
            raise TransientServiceError(message) from error


def adoption(config: Config, *, read_only: bool = False) -> Adoption:
    """Look at the lake and the table of the settings.

    Raises InputError where there is no lake, RefusedError where its columns are others.
    """
    clients = Clients(config.source.region, config.roles.archiver, "archiver", _CONNECTIONS, read_only=read_only)
    facts = describe(clients.dynamodb, config.source)
    store, keys = Store(clients.s3, config.lake.bucket), LakeKeys.below(config.lake.prefix)
    found = store.get(keys.archive)
    if found is None:
        message = f"there is no lake at s3://{store.bucket}/{keys.prefix}; set [lake] bucket and prefix to the one to be adopted"
        raise InputError(message)
    record = LakeRecord.from_json(found[0], keys.archive)
    record.require(record.owner, config.source.spec)
    return Adoption(store, keys.archive, record, found[1].etag, Owner(facts.arn, facts.table_id))
