"""When late messages wait in the table: so that one straggler does not rewrite a gigabyte every night."""

from __future__ import annotations

from datetime import date
from typing import Final

from archive.model.config import Policy

LARGE_BYTES: Final = 64 * 2**20
"""A stored object below this is rewritten for any number of late messages: that costs less than asking."""


def may_wait(policy: Policy, stored_bytes: int, rows: int, today: date) -> bool:
    """Say whether `rows` messages of a segment that is stored already stay in the table for today.

    Only where the table empties itself (mode delete), where the object is large and the rows are few, and not on every
    `late_days`-th day: so none waits for longer than that.
    """
    if policy.purge != "delete" or stored_bytes < LARGE_BYTES:
        return False
    return rows < policy.late_rows and today.toordinal() % policy.late_days != 0
