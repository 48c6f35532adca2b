"""What Athena would reject, or answer with no rows, is refused before Glue has it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InputError
from archive.model.layout import Partition
from archive.model.spec import CHAT_MESSAGES
from athena.columns import RECORDS, TableColumn
from athena.projection import validate_projection
from athena.tables import Table, messages_table, records_table

TABLE = messages_table(CHAT_MESSAGES, "s3://lake/chat/messages/", date(2015, 1, 1), "day")


def _with(table: Table = TABLE, **changed: str) -> Table:
    """Change parameters; `__` stands for a dot."""
    return table.with_parameters({name.replace("__", "."): value for name, value in changed.items()})


def _without(name: str) -> Table:
    return replace(TABLE, parameters=tuple((key, value) for key, value in TABLE.parameters if key != name))


def _column(name: str, hive_type: str = "string", comment: str = "") -> Table:
    return replace(TABLE, columns=(*TABLE.columns, TableColumn(name, hive_type, comment)))


@given(earliest=st.dates(date(1970, 1, 1), date(2026, 1, 1)), partition=st.sampled_from(["day", "month"]))
def test_our_own_tables_pass(earliest: date, partition: Partition) -> None:
    """Whatever the earliest date and the partition are, the tables that we define are accepted."""
    validate_projection(messages_table(CHAT_MESSAGES, "s3://lake/messages/", earliest, partition))
    for name, records in RECORDS.items():
        validate_projection(records_table(records, f"s3://lake/{name}/", earliest, partition))


@pytest.mark.parametrize(
    "table",
    [
        _with(projection__dt__range="NOW-3YEARS,NOW"),
        _with(projection__dt__range="2015-01-01, NOW + 1 DAY "),
        _with(projection__enabled=" TRUE ", projection__dt__type=" Date ", projection__dt__interval__unit="days"),
        _without("storage.location.template"),
        replace(
            _with(projection__dt__format="yyyy/MM/dd", projection__dt__range="2015/01/01,NOW"),
            partition_keys=(TableColumn("dt", "string"),),
        ),
    ],
)
def test_what_athena_documents_passes(table: Table) -> None:
    """Relative ranges, white space where it is allowed, the default template, a text key with another format."""
    validate_projection(table)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (_with(projection__enabled="false"), "projection.enabled"),
        (_without("projection.enabled"), "projection.enabled"),
        (_without("projection.dt.type"), "no projection.dt.type"),
        (_with(projection__dt__type="enum"), "partitioned by date"),
        (_without("projection.dt.range"), "range is missing"),
        (_without("projection.dt.format"), "format is missing"),
        (_with(projection__dt__range="2015-01-01"), "a comma between"),
        (_with(projection__dt__range="2015-01-01-NOW"), "a comma between"),
        (_with(projection__dt__range="2024-02-01,2024-01-31"), "begins after its end"),
        (_with(projection__dt__range="2015/01/01,NOW"), "neither"),
        (_with(projection__dt__range="2015-1-1,NOW"), "neither"),
        (_with(projection__dt__range="2015-02-30,NOW"), "neither"),
        (_with(projection__dt__range="2015-01-01 ,NOW"), "neither"),
        (_with(projection__dt__range="2015-01-01,now"), "neither"),
        (_with(projection__dt__range="2015-01-01,NOW+1FORTNIGHT"), "neither"),
        (_with(projection__dt__format="yyyy/MM/dd", projection__dt__range="2015/01/01,NOW"), "is a date, which is always written"),
        (_with(projection__dt__interval="0"), "positive whole number"),
        (_with(projection__dt__interval="1.5"), "positive whole number"),
        (_with(projection__dt__interval__unit="DAY"), "use one of"),
        (_with(projection__dt__interval__unit="HOURS"), "finer than"),
        (_without("projection.dt.interval"), "go together"),
        (_without("projection.dt.interval.unit"), "go together"),
        (_with(projection__dt__interval__unit="MONTHS", projection__dt__range="2015-01-15,NOW"), "begin on day 1"),
        (_with(projection__dt__interval__unit="MONTHS", projection__dt__range="NOW-3YEARS,NOW"), "fixed first day"),
        (_with(projection__day__type="date"), "projection.day.type does not belong"),
        (_with(projection__dt__rnage="2015-01-01,NOW"), "projection.dt.rnage does not belong"),
        (_with(storage__location__template="s3://lake/chat/messages/"), r"lacks ${dt}"),
        (_with(storage__location__template="s3://lake/chat/messages/dt=${dt}"), "end with a slash"),
        (_with(storage__location__template="s3://lake/chat/messages/${dt}/${hour}/"), "not a partition column"),
        (_with(storage__location__template="s3://lake/other/dt=${dt}/"), "does not lie below"),
        (replace(TABLE, location="s3://lake/chat/messages"), "end with a slash"),
        (replace(TABLE, location="lake/chat/messages/"), "not s3://"),
        (replace(TABLE, location="s3://lake//messages/"), "empty folder"),
        (messages_table(CHAT_MESSAGES, "s3://lake/_chat/messages/", date(2015, 1, 1), "day"), "begins with _"),
        (replace(TABLE, partition_keys=()), "not a partition column"),
        (replace(TABLE, name="Messages"), "lower-case"),
        (_column("moduleId"), "lower-case"),
        (_column("content"), "two columns"),
        (_column("dt", "date"), "two columns"),
        (_column("extra", comment="x" * 256), "256 characters"),
        (_column("extra", comment="two\nlines"), "line break"),
        (_column("extra", "int64"), "not a type"),
        (_column("extra", "decimal(39,0)"), "out of range"),
        (_column("extra", "decimal(5,6)"), "out of range"),
        (replace(TABLE, description="x" * 2049), "description"),
    ],
)
def test_what_athena_would_not_take_is_refused(table: Table, says: str) -> None:
    """Each mistake is one sentence that names the table and the mistake."""
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        validate_projection(table)
    assert table.name in str(caught.value)


@pytest.mark.parametrize(("pattern", "bounds"), [("yyyyMM", "201501,NOW"), ("yyyy-MM", "2015-01,2016-12")])
def test_a_month_format_needs_no_interval(pattern: str, bounds: str) -> None:
    """Where dates have the precision of a month, the interval may be left out."""
    table = replace(_with(projection__dt__format=pattern, projection__dt__range=bounds), partition_keys=(TableColumn("dt", "string"),))
    kept = tuple((name, value) for name, value in table.parameters if ".interval" not in name)
    validate_projection(replace(table, parameters=kept))


@pytest.mark.parametrize("pattern", ["MM-dd", "yyyy-MMM-dd", "uuuu-MM-dd", "yyyy-DDD"])
def test_a_format_that_cannot_be_checked_is_refused(pattern: str) -> None:
    """A date pattern without a year, or with letters that we do not read, is refused."""
    table = replace(_with(projection__dt__format=pattern), partition_keys=(TableColumn("dt", "string"),))
    with pytest.raises(InputError, match="format"):
        validate_projection(table)
