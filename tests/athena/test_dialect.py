"""DuckDB answers as Trino documents it: one case for each difference that is handled.

Athena could not be asked. The first table is copied from the examples in Trino's documentation (regexp, datetime, conversion, decimal,
json and string functions); the cases after it follow its text or its source, as `athena.rewrites` says, and a few rest on a trial alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from archive.errors import InputError

Answer = Callable[[str], list[tuple[Any, ...]]]
J = """'{"a": {"b": 1}, "l": [1, 2], "n": null, "t": "x", "y": true, "d": 1.50, "big": 12345678901234567890123, "two words": 3}'"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("format('%.5f', pi())", "3.14159"),
        ("format('%03d', 8)", "008"),
        ("format('%,.2f', 1234567.89)", "1,234,567.89"),
        ("format('%-7s,%7s', 'hello', 'world')", "hello  ,  world"),
        ("format('%2$s %3$s %1$s', 'a', 'b', 'c')", "b c a"),
        ("typeof(123)", "integer"),
        ("typeof('cat')", "varchar(3)"),
        ("typeof(cos(2) + 1.5)", "double"),
        ('json_size(\'{"x": {"a": 1, "b": 2}}\', \'$.x\')', 2),
        ("json_size('{\"x\": [1, 2, 3]}', '$.x')", 3),
        ('json_size(\'{"x": {"a": 1, "b": 2}}\', \'$.x.a\')', 0),
        ("json_extract_scalar('[1, 2, 3]', '$[2]')", "3"),
        ("date '2012-08-08' + interval '2' day", date(2012, 8, 10)),
        ("date '2012-08-08' - interval '2' day", date(2012, 8, 6)),
        ("interval '2' day + interval '3' hour", "2 03:00:00.000"),
        ("interval '3' year - interval '5' month", "2-7"),
        ("date_trunc('week', TIMESTAMP '2001-08-22 03:04:05.321')", datetime(2001, 8, 20)),  # noqa: DTZ001 - naive in Trino
        ("date_diff('millisecond', TIMESTAMP '2020-06-01 12:30:45.000', TIMESTAMP '2020-06-02 12:30:45.123')", 86400123),
        ("date_diff('day', DATE '2020-03-01', DATE '2020-03-02')", 1),
        ("date_add('day', -1, TIMESTAMP '2020-03-01 00:00:00 UTC')", datetime(2020, 2, 29, tzinfo=UTC)),
        ("from_iso8601_timestamp('2020-05-11T11:15:05.055+01:00')", datetime(2020, 5, 11, 10, 15, 5, 55_000, tzinfo=UTC)),
        ("date_format(TIMESTAMP '2022-10-20 05:10:00', '%m-%d-%Y %H')", "10-20-2022 05"),
        ("regexp_like('1a 2b 14m', '\\d+b')", True),
        ("regexp_extract('1a 2b 14m', '\\d+')", "1"),
        ("translate('abcd', 'ac', 'z')", "zbd"),
        ("trim(BOTH '$' FROM '$var$')", "var"),
    ],
)
def test_example_of_trinos_documentation(answer: Answer, expression: str, expected: object) -> None:
    """The example has the result that the documentation prints."""
    assert answer(f"SELECT {expression}") == [(expected,)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # UTC is the session's zone, and Los Angeles lies seven hours behind it that day.
        ("CAST(TIMESTAMP '2012-10-31 01:00 UTC' AT TIME ZONE 'America/Los_Angeles' AS date)", date(2012, 10, 30)),
        ("hour(at_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles'))", 2),
        ("hour(TIMESTAMP '2024-01-15 10:00:00' AT TIME ZONE 'Europe/Berlin')", 11),
        ("CAST(TIMESTAMP '2024-01-15 23:30:00' AT TIME ZONE 'Europe/Berlin' AS date)", date(2024, 1, 16)),
        ("CAST(date_trunc('day', TIMESTAMP '2024-07-15 23:30:00' AT TIME ZONE 'Europe/Berlin') AS date)", date(2024, 7, 16)),
        ("date_format(TIMESTAMP '2024-07-15 23:30:00' AT TIME ZONE 'Europe/Berlin', '%H:%i')", "01:30"),
        ("format_datetime(TIMESTAMP '2024-07-15 23:30:00' AT TIME ZONE 'Europe/Berlin', 'dd HH')", "16 01"),
        ("extract(DAY FROM TIMESTAMP '2024-07-15 23:30:00' AT TIME ZONE 'Europe/Berlin')", 16),
    ],
)
def test_a_time_without_zone_is_utc_on_another_zones_clock(answer: Answer, expression: str, expected: object) -> None:
    """The lake's own times have no zone: local days and hours must be counted from UTC, not the other way round."""
    assert answer(f"SELECT {expression}") == [(expected,)]


def test_messages_are_counted_by_local_day(answer: Answer) -> None:
    """A message sent at 23:00 UTC belongs to the next day in Berlin."""
    sql = "SELECT CAST(sent_at AT TIME ZONE 'Europe/Berlin' AS date) AS d, count(*) FROM messages GROUP BY 1 ORDER BY 1"
    assert answer(sql) == [(date(2024, 1, 15), 1), (date(2024, 1, 16), 1), (date(2024, 2, 1), 1)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("7 / 2", 3, id="integers divide as integers"),
        pytest.param("-7 / 2", -3, id="and are cut towards zero"),
        pytest.param("1.0 / 3", Decimal("0.3"), id="decimals keep the larger scale"),
        pytest.param("1.00 / 3", Decimal("0.33"), id="of the dividend"),
        pytest.param("2 / 3.000", Decimal("0.667"), id="or of the divisor, rounded"),
        pytest.param("1e0 / 4", 0.25, id="doubles divide as doubles"),
        pytest.param("TRY(1 / 0)", None, id="division by zero is an error"),
        pytest.param(
            "date_diff('day', TIMESTAMP '2024-01-01 23:00:00', TIMESTAMP '2024-01-02 01:00:00')", 0, id="date_diff counts whole days"
        ),
        pytest.param(
            "date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00')", 86400, id="date_diff in seconds"
        ),
        pytest.param("date_diff('hour', TIMESTAMP '2024-01-02 00:00:00', TIMESTAMP '2024-01-01 22:30:00')", -1, id="date_diff backwards"),
        pytest.param("date_trunc('month', DATE '2024-01-15')", date(2024, 1, 1), id="date_trunc of a date is a date"),
        pytest.param("date_add('month', 1, DATE '2024-01-31')", date(2024, 2, 29), id="date_add to a date is a date"),
        pytest.param("DATE '2024-01-15' + INTERVAL '1' DAY", date(2024, 1, 16), id="a date and an interval are a date"),
        pytest.param("DATE '2024-01-15' - DATE '2024-01-01'", "14 00:00:00.000", id="the difference of dates is an interval"),
        pytest.param(
            "sequence(DATE '2024-01-31', DATE '2024-02-01', INTERVAL '1' DAY)",
            [date(2024, 1, 31), date(2024, 2, 1)],
            id="sequence of dates",
        ),
        pytest.param("extract(DAY_OF_WEEK FROM DATE '2024-01-14')", 7, id="Sunday is 7"),
        pytest.param("extract(DOW FROM DATE '2024-01-14')", 7, id="dow is ISO's"),
        pytest.param("day_of_week(DATE '2024-01-15')", 1, id="Monday is 1"),
        pytest.param("extract(YEAR_OF_WEEK FROM DATE '2024-12-30')", 2025, id="the year of a week"),
        pytest.param(
            "date_format(TIMESTAMP '2024-01-15 13:05:06', '%Y-%m-%d %H:%i:%s')", "2024-01-15 13:05:06", id="date_format as MySQL's"
        ),
        pytest.param("date_parse('2022/10/20/05', '%Y/%m/%d/%H')", datetime(2022, 10, 20, 5), id="date_parse"),  # noqa: DTZ001 - naive in Trino
        pytest.param(
            "format_datetime(TIMESTAMP '2024-01-15 13:05:06', 'yyyy-MM-dd''T''HH:mm')", "2024-01-15T13:05", id="format_datetime as Joda's"
        ),
        pytest.param(
            "parse_datetime('2024-01-15 13', 'yyyy-MM-dd HH')", datetime(2024, 1, 15, 13, tzinfo=UTC), id="parse_datetime has a zone"
        ),
        pytest.param("to_iso8601(DATE '2024-01-15')", "2024-01-15", id="to_iso8601 of a date"),
        pytest.param("to_iso8601(TIMESTAMP '2024-01-15 10:00:00.5')", "2024-01-15T10:00:00.500", id="to_iso8601 of a timestamp"),
        pytest.param("from_unixtime(1705312800)", datetime(2024, 1, 15, 10, tzinfo=UTC), id="from_unixtime has a zone"),
        pytest.param("CAST(TIMESTAMP '2024-01-15 10:00:00' AS varchar)", "2024-01-15 10:00:00.000", id="a timestamp shows milliseconds"),
        pytest.param("CAST(DATE '2024-01-15' AS varchar)", "2024-01-15", id="a date does not"),
        pytest.param("CAST('abcdef' AS varchar(3))", "abc", id="varchar(n) cuts"),
        pytest.param("CAST(2.5e0 AS integer)", 3, id="a double's half is rounded up"),
        pytest.param("CAST(-2.5e0 AS bigint)", -3, id="away from zero"),
        pytest.param("CAST(0.5 AS integer)", 1, id="a decimal's half too"),
        pytest.param("TRY_CAST(2.5e0 AS integer)", 3, id="try_cast rounds as cast does"),
        pytest.param("TRY_CAST('x' AS integer)", None, id="try_cast of what is no number"),
        pytest.param(f"json_extract_scalar({J}, '$.t')", "x", id="a JSON text"),
        pytest.param(f"json_extract_scalar({J}, '$.y')", "true", id="a JSON boolean"),
        pytest.param(f"json_extract_scalar({J}, '$.a.b')", "1", id="a nested scalar"),
        pytest.param(f"json_extract_scalar({J}, '$.l[1]')", "2", id="an element"),
        pytest.param(f"json_extract_scalar({J}, '$.a')", None, id="a JSON object is no scalar"),
        pytest.param(f"json_extract_scalar({J}, '$.l')", None, id="a JSON array is no scalar"),
        pytest.param(f"json_extract_scalar({J}, '$.n')", None, id="a JSON null is NULL"),
        pytest.param(f"json_extract_scalar({J}, '$.missing')", None, id="a missing path is NULL"),
        pytest.param("json_extract_scalar('not json', '$.a')", None, id="what is not JSON is NULL"),
        pytest.param("json_extract_scalar('', '$.a')", None, id="an empty text is no JSON"),
        pytest.param(f"json_extract_scalar({J}, '$.d')", "1.50", id="a number keeps its digits"),
        pytest.param(f"json_extract_scalar({J}, '$.big')", "12345678901234567890123", id="however many"),
        pytest.param(f"""json_extract_scalar({J}, '$["two words"]')""", "3", id="a name in brackets"),
        pytest.param("json_extract('not json', '$.a')", None, id="json_extract of what is not JSON"),
        pytest.param(f"json_size({J}, '$.l')", 2, id="json_size of an array"),
        pytest.param(f"json_size({J}, '$.a')", 1, id="json_size of an object"),
        pytest.param(f"json_size({J}, '$.t')", 0, id="json_size of a scalar"),
        pytest.param("json_array_contains('[1, 2]', 2)", True, id="json_array_contains"),
        pytest.param(f"CAST(json_extract({J}, '$.t') AS varchar)", "x", id="a JSON text is cast without quotes"),
        pytest.param(f"CAST(json_extract({J}, '$.l') AS array(bigint))", [1, 2], id="a JSON array is cast"),
        pytest.param("json_format(CAST(lower('A') AS json))", '"a"', id="a text becomes a JSON text"),
        pytest.param("regexp_extract('1a 2b 14m', '(\\d+)([a-z]+)', 2)", "a", id="regexp_extract with a group"),
        pytest.param("regexp_extract('abc', 'x')", None, id="no match is NULL"),
        pytest.param("regexp_replace('1a 2b 14m', '(\\d+)([ab]) ', '3c$2 ')", "3ca 3cb 14m", id="groups in a replacement"),
        pytest.param("regexp_replace('1a 2b 14m', '\\d+[ab] ')", "14m", id="no replacement removes"),
        pytest.param("regexp_replace('a1', '(?<n>\\d)', '<${n}>')", "a<1>", id="named groups"),
        pytest.param("regexp_like('a1', '^a(?<n>\\d)$')", True, id="named groups in any function"),
        pytest.param("regexp_like('1a 2b 14m', '\\d+b')", True, id="regexp_like finds anywhere"),
        pytest.param("regexp_extract_all('1a 2b 14m', '(\\d+)([a-z]+)', 2)", ["a", "b", "m"], id="regexp_extract_all"),
        pytest.param("regexp_count('1a 2b 14m', '\\s*[a-z]+\\s*')", 3, id="regexp_count"),
        pytest.param("regexp_split('1a 2b 14m', '\\s*[a-z]+\\s*')", ["1", "2", "14", ""], id="regexp_split"),
        pytest.param("split_part('a,b', ',', 2)", "b", id="split_part"),
        pytest.param("split_part('a,b', ',', 3)", None, id="split_part beyond the end"),
        pytest.param("concat('a', NULL)", None, id="concat with NULL"),
        pytest.param("format('%s-%d', 'a', 5)", "a-5", id="format as Java's"),
        pytest.param("codepoint('a')", 97, id="codepoint"),
        pytest.param("greatest(1, NULL)", None, id="greatest with NULL"),
        pytest.param("least(3, 1, 2)", 1, id="least"),
        pytest.param("typeof(DATE '2024-01-15')", "date", id="typeof in Trino's spelling"),
        pytest.param("cardinality(MAP(ARRAY['a'], ARRAY[1]))", 1, id="cardinality of a map"),
        pytest.param("element_at(ARRAY[1], 5)", None, id="element_at beyond the end"),
        pytest.param("any_match(ARRAY[1, 2], x -> x > 1)", True, id="any_match"),
        pytest.param("all_match(ARRAY[1, 2], x -> x > 1)", False, id="all_match"),
        pytest.param("none_match(ARRAY[1, 2], x -> x > 2)", True, id="none_match"),
        pytest.param("reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s)", 75, id="reduce"),
        pytest.param("arrays_overlap(ARRAY[1], ARRAY[1, 2])", True, id="arrays_overlap"),
        pytest.param("array_union(ARRAY[1], ARRAY[1])", [1], id="array_union"),
        pytest.param("width_bucket(5.0, 0.0, 10.0, 5)", 3, id="width_bucket"),
        pytest.param("url_extract_host('https://u@example.org:80/a?x=1')", "example.org", id="url_extract_host"),
        pytest.param("url_extract_parameter('https://e.org/a?x=1&y=2', 'y')", "2", id="url_extract_parameter"),
    ],
)
def test_expression(answer: Answer, expression: str, expected: object) -> None:
    """The expression has Trino's value and Python type."""
    found = answer(f"SELECT {expression}")[0][0]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT max_by(x, y) FROM (VALUES (NULL, 2), (1, 1)) AS t(x, y)", [(None,)], id="max_by of a NULL"),
        pytest.param("SELECT min_by(x, y) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, y)", [("b",)], id="min_by"),
        pytest.param("SELECT every(x > 1) FROM (VALUES 1, 2) AS t(x)", [(False,)], id="every"),
        pytest.param(
            "SELECT map_agg(k, v) FROM (VALUES ('a', 1), (NULL, 2), ('b', 3)) AS t(k, v)", [([("a", 1), ("b", 3)],)], id="map_agg"
        ),
        pytest.param(
            "SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['x']) AS t(a, b) ORDER BY a", [(1, "x"), (2, None)], id="UNNEST side by side"
        ),
        pytest.param("SELECT k, v FROM UNNEST(MAP(ARRAY['a'], ARRAY[1])) AS t(k, v)", [("a", 1)], id="UNNEST of a map"),
        pytest.param(
            "SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, n) ORDER BY n", [("a", 1), ("b", 2)], id="ORDINALITY from 1"
        ),
        pytest.param("SELECT x FROM (VALUES 'b', NULL, 'a') AS t(x) ORDER BY x DESC", [("b",), ("a",), (None,)], id="NULLs last"),
        pytest.param("SELECT avg(cost_usd) FROM messages", [(Decimal("0.000666667"),)], id="avg of decimals keeps the scale"),
        pytest.param("SELECT sum(cost_usd) / count(*) FROM messages", [(Decimal("0.000666667"),)], id="decimal by integer"),
        pytest.param("SELECT 100.0 * count(*) / 7 FROM messages", [(Decimal("42.9"),)], id="a percentage has one digit"),
        pytest.param("SELECT sum(input_tokens) / count(*) FROM messages", [(8,)], id="integer by integer"),
        pytest.param(
            "WITH d AS (SELECT sum(cost_usd) AS cost, count(*) AS n FROM messages) SELECT cost / n FROM d",
            [(Decimal("0.000666667"),)],
            id="kinds pass through WITH",
        ),
        pytest.param(
            "SELECT date_trunc('month', dt) AS m, count(*) FROM messages GROUP BY 1 ORDER BY m",
            [(date(2024, 1, 1), 2), (date(2024, 2, 1), 1)],
            id="months",
        ),
        pytest.param(
            "SELECT CAST(sent_at AS varchar) FROM messages ORDER BY 1 LIMIT 1",
            [("2024-01-15 10:00:00.123",)],
            id="the lake's own timestamps",
        ),
        pytest.param(
            "SELECT json_extract_scalar(remainder, '$.metadata.exact') FROM messages WHERE remainder IS NOT NULL ORDER BY 1",
            [("0.1234567890123456789012345",), (None,)],
            id="the remainder's digits",
        ),
        pytest.param(
            "SELECT tag FROM messages CROSS JOIN "
            "UNNEST(CAST(json_extract(remainder, '$.metadata.tags') AS array(varchar))) AS t(tag) ORDER BY 1",
            [("a",), ("b",)],
            id="the remainder's arrays",
        ),
        pytest.param("SELECT typeof(sent_at) FROM messages LIMIT 1", [("timestamp(3)",)], id="typeof a timestamp"),
    ],
)
def test_query(answer: Answer, sql: str, expected: list[tuple[object, ...]]) -> None:
    """The query has Trino's rows."""
    assert answer(sql) == expected


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM messages WHERE dt = '2024-01-15'", "DATE '2024-01-31'"),
        ("SELECT * FROM messages m WHERE m.dt BETWEEN '2024-01-01' AND '2024-02-01'", "date with text"),
        ("SELECT * FROM messages WHERE module_id IN ('7')", "integer with text"),
        ("SELECT * FROM messages WHERE '2024-01-15' < sent_at", "timestamp with text"),
        ("SELECT module_id AS m, count(*) FROM messages GROUP BY m", "output column"),
        ("SELECT module_id AS m FROM messages WHERE m = 7", "output column"),
        ("SELECT count(*) AS n FROM messages HAVING n > 1", "output column"),
        ("SELECT 1 AS a, a + 1", "output column"),
        ('SELECT "$path" FROM messages', "path"),
        ("SELECT * FROM othercatalog.dynalake.messages", "othercatalog"),
        ("SELECT json_value(remainder, 'lax $.a') FROM messages", "json_value"),
        ("SELECT json_query(remainder, 'lax $.a') FROM messages", "json_query"),
        ("SELECT json_extract_scalar(remainder, '$.a[*]') FROM messages", "JSON path"),
        ("""SELECT json_extract_scalar(remainder, '$["*"]') FROM messages""", "JSON path"),
        ("SELECT regexp_replace(role, '(.)', x -> upper(x[1])) FROM messages", "lambda"),
        ("SELECT format_datetime(sent_at, role) FROM messages", "date format"),
        ("SELECT sent_at AT TIME ZONE 'Europe/Berlin' FROM messages", "AT TIME ZONE"),
        ("SELECT CAST(sent_at AT TIME ZONE 'Europe/Berlin' AS varchar) FROM messages", "AT TIME ZONE"),
        ("SELECT 1 FROM messages WHERE sent_at AT TIME ZONE 'Europe/Berlin' > current_timestamp", "AT TIME ZONE"),
        ("SELECT split(role, ',', 2) FROM messages", "limit"),
        ("SELECT soundex(role) FROM messages", "engine athena"),
        ("SELECT no_such_function(role) FROM messages", "engine athena"),
        ("VALUES 1", "engine athena"),
    ],
)
def test_what_athena_rejects_or_duckdb_cannot_do_is_refused(answer: Answer, sql: str, says: str) -> None:
    """A silent difference is worse than a refusal: each of these is one sentence."""
    with pytest.raises(InputError, match=says.replace("$", r"\$")):
        answer(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT module_id AS m, count(*) AS n FROM messages GROUP BY module_id ORDER BY m, n",
        "SELECT role AS provider FROM messages WHERE provider = 'openai' GROUP BY provider, role",
        "SELECT m.n FROM (SELECT count(*) AS n FROM messages) AS m WHERE n > 1",
        "SELECT date_trunc('day', sent_at) AS sent_at FROM messages GROUP BY sent_at",
        "SELECT count(*) FROM messages WHERE dt >= DATE '2024-01-01' AND sent_at < TIMESTAMP '2024-03-01 00:00:00'",
        "SELECT transform(ARRAY[1], x -> x + 1) AS x FROM messages",
    ],
)
def test_what_athena_takes_is_not_refused(answer: Answer, sql: str) -> None:
    """The checks leave right questions alone."""
    assert answer(sql)
