"""The lake's S3 keys: each is spelt in one way, and read back as what it was made from."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.keys import LakeKeys
from archive.model.layout import Layout
from archive.model.window import midnight
from tests.builders import KEYS, SEGMENT

_FORMS = st.sampled_from([("day", "day"), ("day", "6h"), ("day", "15m"), ("month", "month"), ("month", "day")])
_PREFIXES = st.sampled_from(["", "lake", "/a/b/", "messages", "messages/receipts"])


@given(_PREFIXES, _FORMS, st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_a_segment_is_read_back_from_its_keys(prefix: str, form: tuple[str, str], day: date) -> None:
    """From its object's and its receipt's, below any prefix."""
    keys = LakeKeys.below(prefix)
    segment = Layout.parse(date(2015, 1, 1), *form).segment_of(midnight(day))
    assert keys.segment_of(keys.message(segment)) == segment
    assert keys.segment_of(keys.receipt(segment)) == segment


@pytest.mark.parametrize(
    "key",
    [
        "lake/messages/",
        "lake/messages/dt=2024-01-15/notes.txt",
        "lake/messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.json",
        "lake/receipts/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet",
        "lake/messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet.tmp",
        "lake/messages/dt=2024-01-15/20240116T0000Z-20240115T0000Z.parquet",
        "lake/messages/dt=2024-01-15/20240115T0000Z-20240115T0000Z.parquet",
        "lake/messages/dt=2024-02-30/20240115T0000Z-20240116T0000Z.parquet",
        "lake/messages/dt=2024-01-15/20241315T0000Z-20240116T0000Z.parquet",
        "lake/messages/dt=2024-01-15/20240115T2500Z-20240116T0000Z.parquet",
        "lake/messages/dt=２０24-01-15/20240115T0000Z-20240116T0000Z.parquet",  # noqa: RUF001 - digits, but not ours
        "lake/purges/dt=2024-01-15/20240115T0000Z-20240116T0000Z-run-intent.json",
        "messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet",
        "other/lake/messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet",
    ],
)
def test_any_other_key_is_no_segment(key: str) -> None:
    """What somebody else put below the prefix is passed over, and never an error."""
    assert KEYS.segment_of(key) is None


def test_every_key_is_spelt_as_documented() -> None:
    """Athena's tables, bucket policies and people rely on these."""
    name = "dt=2024-01-15/20240115T0000Z-20240116T0000Z"
    assert KEYS.message(SEGMENT) == f"lake/messages/{name}.parquet"
    assert KEYS.receipt(SEGMENT) == f"lake/receipts/{name}.json"
    assert KEYS.purge(SEGMENT, "r", "intent") == f"lake/purges/{name}-r-intent.json"
    assert KEYS.purge(SEGMENT, "r", "intent").startswith(KEYS.purges(SEGMENT))
    assert KEYS.superseded(SEGMENT, "abc") == f"lake/superseded/{name}-abc.parquet"
    assert KEYS.rescued(SEGMENT, "abc") == f"lake/superseded/{name}-rescued-abc.json"
    assert KEYS.run("r", date(2024, 1, 15)) == "lake/runs/dt=2024-01-15/r.json"
    assert (KEYS.archive, KEYS.stop, KEYS.probe) == ("lake/archive.json", "lake/stop", "lake/checks/conditional-put")


@pytest.mark.parametrize("prefix", ["_lake", ".lake", "a/_b", "a/.b/c"])
def test_a_prefix_that_athena_hides_is_refused(prefix: str) -> None:
    """Athena does not see what begins with _ or a dot."""
    with pytest.raises(InputError, match="Athena would not see it"):
        LakeKeys.below(prefix)


def test_slashes_around_a_prefix_do_not_matter() -> None:
    """And no prefix is the bucket itself."""
    assert LakeKeys.below("/a/b/") == LakeKeys.below("a/b")
    assert LakeKeys.below("").archive == LakeKeys.below("/").archive == "archive.json"
